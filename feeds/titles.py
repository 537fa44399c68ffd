"""Control/Title -> type: the only thing that says what a telegram is (never Head/Title or a file's name)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Family(StrEnum):
    """JMA runs the system of 2026 and the one before it side by side until about 2028; only one is mailed."""

    CURRENT = "current"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Type:
    """`code` is JMA's type, or the common letters where several types share a title."""

    code: str
    family: Family | None = None


_CURRENT: Final = {
    "気象警報・注意報（Ｒ０６）（大雨）": "VPWW55",
    "気象警報・注意報（Ｒ０６）（土砂）": "VPWW56",
    "気象警報・注意報（Ｒ０６）（高潮）": "VPWW57",
    "気象警報・注意報（Ｒ０６）（暴風）": "VPWW58",
    "気象警報・注意報（Ｒ０６）（波浪）": "VPWW59",
    "気象警報・注意報（Ｒ０６）（大雪）": "VPWW60",
    "気象警報・注意報（Ｒ０６）（その他注意報）": "VPWW61",
    "気象警報・注意報時系列情報（Ｒ０６）": "VPWP50",
    "気象警報・注意報（Ｒ０６）（集約通報）": "VPWS50",
    "府県気象防災速報": "VPBS50",
    "府県気象解説情報": "VPFJ51",
    "地方気象解説情報": "VPCJ51",
    "全般気象解説情報": "VPZJ51",
    "早期注意情報（明後日まで）": "VPFD61",
    "警報級の可能性（明後日以降）": "VPFW60",
    "全般気象解説情報（潮位）": "VMCJ53",
    "地方気象解説情報（潮位）": "VMCJ54",
    "府県気象解説情報（潮位）": "VMCJ55",
    "水位周知河川に関する情報": "VXSU",
}

_OLD: Final = {
    "気象警報・注意報": "VPWW50",
    "気象特別警報・警報・注意報": "VPWW53",
    "気象警報・注意報（Ｈ２７）": "VPWW54",
    "気象特別警報報知": "VPNO50",
    "土砂災害警戒情報": "VXWW50",
    "記録的短時間大雨情報": "VPOA50",
    "府県気象情報": "VPFJ50",
    "地方気象情報": "VPCJ50",
    "全般気象情報": "VPZJ50",
    "警報級の可能性（明日まで）": "VPFD60",
    "全般潮位情報": "VMCJ50",
    "地方潮位情報": "VMCJ51",
    "府県潮位情報": "VMCJ52",
    "全般台風情報": "VPTI50",
    "全般台風情報（定型）": "VPTI51",
    "全般台風情報（詳細）": "VPTI52",
    "大雨危険度通知": "VPRN50",
}

_OTHER: Final = {
    "竜巻注意情報": "VPHW50",
    "竜巻注意情報（目撃情報付き）": "VPHW51",
    "指定河川洪水予報": "VXKO",
    "緊急地震速報配信テスト": "VXSE42",
    "緊急地震速報（警報）": "VXSE43",
    "緊急地震速報（予報）": "VXSE44",
    "緊急地震速報（地震動予報）": "VXSE45",
    "震度速報": "VXSE51",
    "震源に関する情報": "VXSE52",
    "震源・震度に関する情報": "VXSE53",
    "地震の活動状況等に関する情報": "VXSE56",
    "地震回数に関する情報": "VXSE60",
    "顕著な地震の震源要素更新のお知らせ": "VXSE61",
    "長周期地震動に関する観測情報": "VXSE62",
    "津波警報・注意報・予報a": "VTSE41",
    "津波情報a": "VTSE51",
    "沖合の津波観測に関する情報": "VTSE52",
    "南海トラフ地震臨時情報": "VYSE50",
    "南海トラフ地震関連解説情報": "VYSE",
    "北海道・三陸沖後発地震注意情報": "VYSE60",
    "地震・津波に関するお知らせ": "VZSE40",
    "噴火警報・予報": "VFVO50",
    "火山の状況に関する解説情報": "VFVO51",
    "噴火に関する火山観測報": "VFVO52",
    "降灰予報（定時）": "VFVO53",
    "降灰予報（速報）": "VFVO54",
    "降灰予報（詳細）": "VFVO55",
    "噴火速報": "VFVO56",
    "火山に関するお知らせ": "VZVO40",
    "推定噴煙流向報": "VFVO60",
    "火山現象に関する海上警報・海上予報": "VFSV",
    "府県天気予報": "VPFD50",
    "府県天気予報（Ｒ１）": "VPFD51",
    "府県天気概況": "VPFG50",
    "府県週間天気予報": "VPFW50",
    "地方週間天気予報": "VPCW50",
    "全般週間天気予報": "VPZW50",
    "熱中症警戒アラート": "VPFT50",
    # Not for us, but known: they are recorded and passed over without an alarm (JMA.md 2.11).
    "台風解析・予報情報（３日予報）": "VPTW",
    "台風解析・予報情報（５日予報）": "VPTW",
    "台風解析・予報情報（５日予報）（Ｈ３０）": "VPTW",
    "台風の暴風域に入る確率": "VPTA",
    "スモッグ気象情報": "VPSG50",
    "全般スモッグ気象情報": "VPZS50",
    "全般天候情報": "VPZI50",
    "地方天候情報": "VPCI50",
    "府県天候情報": "VPFI50",
    "早期天候情報": "VPAW51",
    "全般１か月予報": "VPZK50",
    "全般３か月予報": "VPZK50",
    "全般暖・寒候期予報": "VPZK50",
    "地方１か月予報": "VPCK50",
    "地方３か月予報": "VPCK50",
    "地方暖・寒候期予報": "VPCK50",
    "全般季節予報（２週間気温予報）": "VPZK70",
    "地方季節予報（２週間気温予報）": "VPCK70",
    "季節観測": "VGSK50",
    "生物季節観測": "VGSK55",
    "特殊気象報": "VGSK60",
    "全般海上警報（定時）": "VPZU50",
    "全般海上警報（臨時）": "VPZU51",
    "地方海上警報": "VPCU50",
    "地方海上予報": "VPCY50",
    "全般海上警報（定時）（Ｈ２９）": "VPZU52",
    "全般海上警報（臨時）（Ｈ２９）": "VPZU53",
    "全般海上警報（定時）（Ｒ０８）": "VPZU54",
    "地方海上警報（Ｈ２８）": "VPCU51",
    "地方海上予報（Ｈ２８）": "VPCY51",
    "地上実況図": "VZSA50",
    "地上２４時間予想図": "VZSF50",
    "地上４８時間予想図": "VZSF51",
    "アジア太平洋地上実況図": "VZSA60",
    "アジア太平洋海上悪天２４時間予想図": "VZSF60",
    "アジア太平洋海上悪天４８時間予想図": "VZSF61",
}

TYPES: Final = {
    **{title: Type(code, Family.CURRENT) for title, code in _CURRENT.items()},
    **{title: Type(code, Family.OLD) for title, code in _OLD.items()},
    **{title: Type(code) for title, code in _OTHER.items()},
}
