/** Line drawings on a 24-unit square, in the colour of the text around them. Labels belong to the control, not the icon. */

const PATHS = {
  mic: 'M12 3.5a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0v-5a3 3 0 0 0-3-3ZM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5v3.5',
  'mic-off':
    'M9 9.5v2a3 3 0 0 0 4.6 2.5M15 11V6.5a3 3 0 0 0-5.8-1M5.5 11a6.5 6.5 0 0 0 10.2 5.3M18.2 13a6.5 6.5 0 0 0 .3-2M12 17.5v3.5M4 3.5l16 17',
  camera:
    'M3.5 7.5a1.5 1.5 0 0 1 1.5-1.5h9a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-9a1.5 1.5 0 0 1-1.5-1.5ZM15.5 10.5l5-3v9l-5-3',
  'camera-off':
    'M9.5 6h4.5a1.5 1.5 0 0 1 1.5 1.5v4.5M15.5 13.5l5 3v-9l-4 2.4M15.2 17.4a1.5 1.5 0 0 1-1.2.6h-9a1.5 1.5 0 0 1-1.5-1.5v-9a1.5 1.5 0 0 1 1.3-1.48M4 3.5l16 17',
  screen: 'M3.5 5.5h17v11h-17ZM8.5 20h7M12 16.5v3.5M12 13.5v-5m-2.5 2.5l2.5-2.5l2.5 2.5',
  hand: 'M8 12.5v-6a1.4 1.4 0 0 1 2.8 0v4.5V4.9a1.4 1.4 0 0 1 2.8 0V11V6.2a1.4 1.4 0 0 1 2.8 0v7.3c0 4.5-2 7-5.3 7c-2.6 0-3.9-1.2-5-3.3l-2.3-4.3c-.7-1.4 1-2.5 2-1.3Z',
  chat: 'M4 5.5h16v11h-9l-4.5 3.5v-3.5H4Z',
  people:
    'M9 11a3.25 3.25 0 1 0 0-6.5a3.25 3.25 0 0 0 0 6.5ZM3 19.5c0-3.3 2.7-5.5 6-5.5s6 2.2 6 5.5M15.5 5a3 3 0 0 1 0 5.7M17 14.2c2.4.6 4 2.5 4 5.3',
  leave: 'M13.5 4h-8v16h8M10 12h10.5M17 8.5l3.5 3.5l-3.5 3.5',
  play: 'M7.5 4.5v15l12-7.5Z',
  pause: 'M8 5v14M16 5v14',
  back: 'M12 6V2.5l-4.5 4l4.5 4V7a6.3 6.3 0 1 1-6.3 6.3',
  forward: 'M12 6V2.5l4.5 4l-4.5 4V7a6.3 6.3 0 1 0 6.3 6.3',
  sound: 'M4 9.5h3.5l5-4.5v14l-5-4.5H4ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11',
  'sound-off': 'M4 9.5h3.5l5-4.5v14l-5-4.5H4ZM16 9.5l5 5M21 9.5l-5 5',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  close: 'M5.5 5.5l13 13M18.5 5.5l-13 13',
  plus: 'M12 4.5v15M4.5 12h15',
  smile: 'M12 20.5a8.5 8.5 0 1 0 0-17a8.5 8.5 0 0 0 0 17ZM8.5 14.2a4.2 4.2 0 0 0 7 0M9.2 9.5v.6M14.8 9.5v.6',
  activity: 'M5 4.5h14v15h-14ZM8.5 9l1.4 1.4l2.4-2.8M8.5 15l1.4 1.4l2.4-2.8M14.5 9.5h1.5M14.5 15.5h1.5',
  send: 'M4 12l16-7l-5 15l-3.5-6.5ZM11.5 13.5L20 5',
  bell: 'M6 16.5v-5.5a6 6 0 0 1 12 0v5.5l1.5 2h-15ZM10 18.5a2 2 0 0 0 4 0',
  menu: 'M4 7h16M4 12h16M4 17h16',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13a6.5 6.5 0 0 0 0 13ZM15.2 15.2L20.5 20.5',
  heart: 'M12 20s-7.5-4.6-7.5-10a4.2 4.2 0 0 1 7.5-2.6a4.2 4.2 0 0 1 7.5 2.6c0 5.4-7.5 10-7.5 10Z',
  calendar: 'M4 6.5h16v13.5h-16ZM4 10.5h16M8 4v4M16 4v4',
  file: 'M6 3.5h8l4.5 4.5v12.5h-12.5ZM14 3.5v4.5h4.5',
  link: 'M10 14a3.5 3.5 0 0 0 5 0l3.5-3.5a3.5 3.5 0 0 0-5-5l-1 1M14 10a3.5 3.5 0 0 0-5 0l-3.5 3.5a3.5 3.5 0 0 0 5 5l1-1',
  check: 'M4.5 12.5l5 5l10-11',
  clock: 'M12 20.5a8.5 8.5 0 1 0 0-17a8.5 8.5 0 0 0 0 17ZM12 7.5v5l3.5 2',
  trash: 'M5 7h14M9.5 7v-2.5h5v2.5M7 7l.8 13h8.4l.8-13M10.5 10.5v6M13.5 10.5v6',
  pen: 'M4 20l1-4.5l10.5-10.5l3.5 3.5l-10.5 10.5ZM13.5 7l3.5 3.5',
  download: 'M12 4v11.5m-4.5-4.5l4.5 4.5l4.5-4.5M4.5 20h15',
  left: 'M14.5 5l-7 7l7 7',
  right: 'M9.5 5l7 7l-7 7',
  pin: 'M9 4h6l-.8 6.2l3.3 3.3h-11l3.3-3.3ZM12 13.5v6.5',
  star: 'M12 4l2.5 5.3l5.8.7l-4.3 4l1.1 5.8l-5.1-2.9l-5.1 2.9l1.1-5.8l-4.3-4l5.8-.7Z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 22 }: { name: IconName; size?: number }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      width={size}
      height={size}
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
