//! What is taught, in both languages.

#[derive(Debug)]
pub struct Category {
    pub id: &'static str,
    pub ko: &'static str,
    pub en: &'static str,
    pub subjects: &'static [Subject],
}

#[derive(Debug)]
pub struct Subject {
    pub ko: &'static str,
    pub en: &'static str,
    pub ko_details: &'static [&'static str],
    pub en_details: &'static [&'static str],
}

const fn subject(
    ko: &'static str,
    en: &'static str,
    ko_details: &'static [&'static str],
    en_details: &'static [&'static str],
) -> Subject {
    Subject { ko, en, ko_details, en_details }
}

pub const CATEGORIES: &[Category] = &[
    Category {
        id: "calligraphy",
        ko: "서예",
        en: "Calligraphy",
        subjects: &[
            subject(
                "붓글씨",
                "Brush Calligraphy",
                &["한글 판본체", "궁체 흘림", "먹 갈기", "화선지 고르기", "가훈 쓰기"],
                &["ink and paper", "basic strokes", "Hangul letters", "seal stamps"],
            ),
            subject(
                "캘리그라피",
                "Modern Lettering",
                &["펜 캘리", "엽서 만들기", "감성 글귀", "붓펜 연습"],
                &["brush pens", "greeting cards", "wedding invitations"],
            ),
            subject(
                "전각",
                "Seal Carving",
                &["돌 고르기", "낙관 새기기", "음각과 양각"],
                &["soapstone", "carving tools"],
            ),
        ],
    },
    Category {
        id: "flowers",
        ko: "꽃꽂이",
        en: "Flower Arranging",
        subjects: &[
            subject(
                "꽃꽂이",
                "Flower Arranging",
                &["계절 꽃다발", "동양 꽃꽂이", "식탁 장식", "꽃병 고르기"],
                &["seasonal bouquets", "table centrepieces", "vases"],
            ),
            subject(
                "다육식물",
                "Succulents",
                &["분갈이", "잎꽂이", "테라리움"],
                &["repotting", "leaf cuttings", "terrariums"],
            ),
            subject(
                "압화",
                "Pressed Flowers",
                &["책갈피", "액자 만들기", "들꽃 말리기"],
                &["bookmarks", "frames", "wild flowers"],
            ),
        ],
    },
    Category {
        id: "dance",
        ko: "춤",
        en: "Dance",
        subjects: &[
            subject(
                "폴댄스",
                "Pole Dance",
                &["기본 스핀", "클라임", "스트레칭", "콤보 연결"],
                &["spins", "climbs", "flexibility", "combos"],
            ),
            subject(
                "한국무용",
                "Korean Dance",
                &["부채춤", "살풀이", "장단 익히기"],
                &["fan dance", "rhythms"],
            ),
            subject(
                "방송댄스",
                "K-pop Dance",
                &["포인트 안무", "아이돌 커버", "기본기"],
                &["choreography", "cover dance"],
            ),
            subject(
                "라인댄스",
                "Line Dance",
                &["왈츠 스텝", "차차", "시니어 체조"],
                &["waltz steps", "cha-cha"],
            ),
        ],
    },
    Category {
        id: "coding",
        ko: "코딩",
        en: "Coding",
        subjects: &[
            subject(
                "파이썬",
                "Python",
                &["자료형", "웹 크롤링", "데이터 분석", "업무 자동화", "게임 만들기"],
                &["data analysis", "web scraping", "automation", "small games"],
            ),
            subject(
                "자바스크립트",
                "JavaScript",
                &["비동기", "리액트 맛보기", "홈페이지 만들기"],
                &["async code", "React", "building a website"],
            ),
            subject(
                "스크래치",
                "Scratch",
                &["블록 코딩", "미로 게임", "애니메이션"],
                &["block coding", "maze games"],
            ),
            subject(
                "러스트",
                "Rust",
                &["소유권", "빌림 검사", "비동기 서버"],
                &["ownership", "borrowing", "async servers"],
            ),
        ],
    },
    Category {
        id: "maths",
        ko: "수학",
        en: "Maths",
        subjects: &[
            subject(
                "미적분",
                "Calculus",
                &["극한", "도함수", "부분적분", "수능 문제"],
                &["limits", "derivatives", "integrals"],
            ),
            subject(
                "확률과 통계",
                "Statistics",
                &["조건부 확률", "정규분포", "표본조사"],
                &["probability", "normal distribution", "surveys"],
            ),
            subject(
                "기하",
                "Geometry",
                &["벡터", "이차곡선", "작도"],
                &["vectors", "conics", "constructions"],
            ),
            subject(
                "초등 수학",
                "Primary Maths",
                &["분수", "구구단", "도형 놀이"],
                &["fractions", "times tables", "shapes"],
            ),
        ],
    },
    Category {
        id: "languages",
        ko: "외국어",
        en: "Languages",
        subjects: &[
            subject(
                "영어 회화",
                "English Conversation",
                &["여행 영어", "발음 교정", "전화 영어", "면접"],
                &["travel", "pronunciation", "job interviews"],
            ),
            subject(
                "한국어",
                "Korean",
                &["존댓말", "받침 발음", "토픽 준비"],
                &["honorifics", "final consonants", "TOPIK"],
            ),
            subject(
                "일본어",
                "Japanese",
                &["히라가나", "한자 읽기", "여행 회화"],
                &["hiragana", "kanji", "travel phrases"],
            ),
            subject("중국어", "Chinese", &["성조", "간체자", "비즈니스 회화"], &["tones", "characters"]),
        ],
    },
    Category {
        id: "music",
        ko: "음악",
        en: "Music",
        subjects: &[
            subject(
                "피아노",
                "Piano",
                &["코드 반주", "악보 읽기", "바이엘", "재즈 화성"],
                &["chords", "sight reading", "jazz harmony"],
            ),
            subject(
                "우쿨렐레",
                "Ukulele",
                &["스트럼", "동요 반주", "핑거 스타일"],
                &["strumming", "songs", "fingerstyle"],
            ),
            subject("가야금", "Gayageum", &["줄 맞추기", "민요 산조", "농현"], &["tuning", "folk songs"]),
            subject(
                "기타",
                "Guitar",
                &["코드 잡기", "핑거 피킹", "작곡"],
                &["chords", "fingerpicking", "songwriting"],
            ),
        ],
    },
    Category {
        id: "cooking",
        ko: "요리",
        en: "Cooking",
        subjects: &[
            subject(
                "김치",
                "Kimchi",
                &["배추 절이기", "깍두기", "양념 비율", "백김치"],
                &["salting cabbage", "seasoning", "radish kimchi"],
            ),
            subject(
                "제빵",
                "Baking",
                &["천연 발효종", "식빵", "바게트", "반죽 온도"],
                &["sourdough", "baguettes", "dough temperature"],
            ),
            subject("전통주", "Rice Wine", &["누룩", "막걸리", "담금"], &["nuruk", "makgeolli"]),
            subject(
                "반찬",
                "Side Dishes",
                &["나물 무침", "멸치 볶음", "장조림"],
                &["seasoned greens", "stir-fries"],
            ),
        ],
    },
    Category {
        id: "art",
        ko: "미술",
        en: "Art",
        subjects: &[
            subject(
                "수채화",
                "Watercolour",
                &["번지기", "풍경", "색 섞기", "정물"],
                &["washes", "landscapes", "mixing colours"],
            ),
            subject("민화", "Folk Painting", &["호랑이", "모란", "채색"], &["tigers", "peonies"]),
            subject(
                "인물 드로잉",
                "Figure Drawing",
                &["크로키", "비례", "손 그리기"],
                &["gesture", "proportion", "hands"],
            ),
            subject(
                "도예",
                "Pottery",
                &["물레", "유약", "핸드빌딩"],
                &["wheel throwing", "glazes", "hand building"],
            ),
        ],
    },
    Category {
        id: "farming",
        ko: "농사",
        en: "Farming",
        subjects: &[
            subject(
                "텃밭",
                "Vegetable Garden",
                &["상추 심기", "거름", "벌레 막기", "모종"],
                &["planting lettuce", "compost", "pests"],
            ),
            subject("양봉", "Beekeeping", &["벌통 보기", "채밀", "월동"], &["hives", "harvesting honey"]),
            subject("과수", "Fruit Trees", &["가지치기", "접붙이기", "감귤"], &["pruning", "grafting"]),
        ],
    },
];
