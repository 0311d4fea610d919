#!/bin/sh
# A made-up recording for looking at the replay page without a fleet. Needs ffmpeg; writes dev/media/.
set -eu
cd "$(dirname "$0")"
out=media/calligraphy-1/RM_mock
rm -rf media
mkdir -p "$out"
ff() { ffmpeg -v error -y "$@"; }
counter() { # label
  echo "drawtext=text='$1 %{eif\\:t\\:d}.%{eif\\:mod(t*10\\,10)\\:d}':fontsize=h/7:fontcolor=white:box=1:boxcolor=black@0.6:x=(w-tw)/2:y=h-th-20"
}
hls() { # id: reads video.mp4 and audio.mp4 of its folder
  d=$out/$1
  common="-c copy -f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4"
  if [ -f "$d/v.mp4" ]; then (cd "$d" && ff -i v.mp4 $common -hls_fmp4_init_filename vinit.mp4 -hls_segment_filename 'v%03d.m4s' v0.m3u8); fi
  if [ -f "$d/a.mp4" ]; then (cd "$d" && ff -i a.mp4 -strict -2 $common -hls_fmp4_init_filename ainit.mp4 -hls_segment_filename 'a%03d.m4s' a0.m3u8); fi
  {
    echo '#EXTM3U'; echo '#EXT-X-VERSION:7'; echo '#EXT-X-INDEPENDENT-SEGMENTS'
    if [ ! -f "$d/v.mp4" ]; then
      echo '#EXT-X-STREAM-INF:BANDWIDTH=64000,CODECS="Opus"'; echo a0.m3u8
    elif [ -f "$d/a.mp4" ]; then
      echo '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a0.m3u8"'
      echo '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.42c01e,Opus",RESOLUTION=640x360,AUDIO="audio"'; echo v0.m3u8
    else
      echo '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.42c01f",RESOLUTION=1280x720'; echo v0.m3u8
    fi
  } > "$d/main.m3u8"
}
x264="-c:v libx264 -profile:v baseline -preset veryfast -g 60 -keyint_min 60 -sc_threshold 0 -pix_fmt yuv420p"
opus="-c:a libopus -b:a 48k -strict -2"
mkdir -p $out/camera $out/screen $out/voice
ff -f lavfi -i "testsrc2=s=640x360:r=30:d=60" -vf "$(counter teacher)" $x264 $out/camera/v.mp4
ff -f lavfi -i "sine=f=330:d=60:r=48000" -af "volume=0.3" $opus $out/camera/a.mp4
ff -f lavfi -i "color=c=0xf3eee0:s=1280x720:r=15:d=35" -vf "drawtext=text='Lesson 3\: the horizontal stroke':fontsize=52:x=80:y=90,$(counter slide)" $x264 $out/screen/v.mp4
ff -f lavfi -i "sine=f=550:d=12:r=48000" -af "volume=0.2" $opus $out/voice/a.mp4
ff -f lavfi -i "smptehdbars=s=320x180:r=20:d=20" -f lavfi -i "sine=f=700:d=20:r=48000" -vf "$(counter student)" -c:v libvpx -b:v 300k -deadline realtime -cpu-used 8 -g 40 -c:a libopus -b:a 32k $out/student.webm
hls camera; hls screen; hls voice
cat > $out/manifest.json <<'J'
{ "version": 1, "room": "calligraphy-1", "room_sid": "RM_mock", "state": "partial", "started_at_ms": 1763600000000, "duration_ms": 62000,
  "presentations": [
    { "id": "camera", "participant_sid": "PA_1", "identity": "teacher", "name": "김묵향", "source": "camera", "start_ms": 2000, "end_ms": 62000, "has_video": true, "has_audio": true, "container": "cmaf", "path": "camera/main.m3u8" },
    { "id": "screen", "participant_sid": "PA_1", "identity": "teacher", "name": "김묵향", "source": "screen_share", "start_ms": 10000, "end_ms": 45000, "has_video": true, "has_audio": false, "container": "cmaf", "path": "screen/main.m3u8", "gaps": [{ "start_ms": 38000, "end_ms": 40000 }] },
    { "id": "voice", "participant_sid": "PA_2", "identity": "mina", "name": "미나", "source": "microphone", "start_ms": 15000, "end_ms": 27000, "has_video": false, "has_audio": true, "container": "cmaf", "path": "voice/main.m3u8" },
    { "id": "student", "participant_sid": "PA_3", "identity": "joon", "name": "준호", "source": "camera", "start_ms": 24000, "end_ms": 44000, "has_video": true, "has_audio": true, "container": "webm", "path": "student.webm" }
  ], "timeline": "timeline.json" }
J
cat > $out/timeline.json <<'J'
[ { "at_ms": 2000, "kind": "join", "data": { "name": "김묵향" } }, { "at_ms": 10000, "kind": "publish", "data": { "name": "김묵향", "source": "screen_share" } },
  { "at_ms": 14000, "kind": "join", "data": { "name": "미나" } }, { "at_ms": 21000, "kind": "chat", "data": { "name": "미나", "text": "획을 그을 때 손목을 세우나요, 눕히나요? 화면에서는 잘 안 보여서요." } },
  { "at_ms": 24000, "kind": "join", "data": { "name": "준호" } }, { "at_ms": 33000, "kind": "hand", "data": { "name": "준호" } }, { "at_ms": 44000, "kind": "leave", "data": { "name": "준호" } } ]
J
echo "made dev/media"
