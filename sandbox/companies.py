"""Invented Japanese companies. One index makes one company, always the same and never twice.

Nothing here is real: domains end in `.example` (RFC 2606), telephone exchanges begin with 0 (never assigned in Japan), and
corporate numbers begin with 99 after their check digit (no registry office has that code), though the check digit is right.
"""

from dataclasses import replace
from typing import Literal

from sandbox.world import Company

Kind = Literal["partner", "target", "other"]

_STEMS = [
    ("青葉", "aoba"), ("みなと", "minato"), ("北斗", "hokuto"), ("さくら", "sakura"), ("若葉", "wakaba"), ("日和", "hiyori"),
    ("千歳", "chitose"), ("明星", "myojo"), ("暁", "akatsuki"), ("白樺", "shirakaba"), ("紅葉", "momiji"), ("楓", "kaede"),
    ("朝霧", "asagiri"), ("夕凪", "yunagi"), ("海鳴", "uminari"), ("山吹", "yamabuki"), ("花水木", "hanamizuki"), ("鶴見", "tsurumi"),
    ("亀山", "kameyama"), ("富士見", "fujimi"), ("月影", "tsukikage"), ("星野", "hoshino"), ("雲海", "unkai"), ("風花", "kazahana"),
    ("雪見", "yukimi"), ("清流", "seiryu"), ("翠", "midori"), ("蒼天", "soten"), ("光陽", "koyo"), ("大地", "daichi"),
    ("双葉", "futaba"), ("三日月", "mikazuki"), ("四季", "shiki"), ("五葉", "goyo"), ("六花", "rikka"), ("七海", "nanami"),
    ("八雲", "yakumo"), ("九重", "kokonoe"), ("十和", "towa"), ("百合", "yuri"), ("千鳥", "chidori"), ("万葉", "manyo"),
    ("鳳", "otori"), ("隼", "hayabusa"), ("燕", "tsubame"), ("雲雀", "hibari"), ("鶯", "uguisu"), ("翡翠", "kawasemi"),
    ("椿", "tsubaki"), ("桔梗", "kikyo"), ("葵", "aoi"), ("菫", "sumire"), ("柊", "hiiragi"), ("橘", "tachibana"),
    ("梓", "azusa"), ("桐", "kiri"), ("藤波", "fujinami"), ("松風", "matsukaze"), ("竹葉", "takeha"), ("梅香", "umeka"),
    ("磯辺", "isobe"), ("岬", "misaki"), ("渚", "nagisa"), ("汐見", "shiomi"), ("浜風", "hamakaze"), ("波止場", "hatoba"),
    ("石畳", "ishidatami"), ("坂下", "sakashita"), ("川辺", "kawabe"), ("橋本屋", "hashimotoya"), ("泉", "izumi"), ("滝川", "takigawa"),
    ("ひかり", "hikari"), ("こだま", "kodama"), ("のぞみ", "nozomi"), ("つばさ", "tsubasa"), ("はるか", "haruka"), ("かがやき", "kagayaki"),
    ("まこと", "makoto"), ("あすか", "asuka"), ("いろは", "iroha"), ("ことぶき", "kotobuki"), ("めぐみ", "megumi"), ("ゆたか", "yutaka"),
    ("オリオン", "orion"), ("アルプス", "alps"), ("コスモ", "cosmo"), ("ルミナ", "lumina"), ("ノルド", "nord"), ("ソレイユ", "soleil"),
    ("テラ", "terra"), ("ヴェルデ", "verde"), ("リーフ", "leaf"), ("ハーバー", "harbor"), ("クレスト", "crest"), ("ブリッジ", "bridge"),
]  # fmt: skip

_PARTNER_SUFFIXES = {
    "restaurant_services": [("厨房", "chubo"), ("食材", "shokuzai"), ("フードサービス", "foodservice"), ("飲食店支援", "inshoku-shien"), ("酒販", "shuhan")],
    "sales_agency": [("セールスパートナーズ", "salespartners"), ("営業代行", "eigyo-daiko"), ("マーケティング", "marketing"), ("販売", "hanbai")],
    "consulting": [("コンサルティング", "consulting"), ("経営研究所", "keiei"), ("総研", "soken"), ("アドバイザリー", "advisory")],
    "real_estate": [("不動産", "fudosan"), ("エステート", "estate"), ("地所", "jisho"), ("ハウジング", "housing")],
    "opening_support": [("開業支援", "kaigyo"), ("店舗設計", "tenpo"), ("プランニング", "planning"), ("内装", "naiso")],
}  # fmt: skip
INDUSTRIES = tuple(_PARTNER_SUFFIXES)

_TARGET_SUFFIXES = [
    ("フーズ", "foods"), ("ダイニング", "dining"), ("食堂", "shokudo"), ("酒場", "sakaba"), ("珈琲", "coffee"), ("ベーカリー", "bakery"),
    ("製麺", "seimen"), ("水産", "suisan"), ("寿司", "sushi"), ("焼肉", "yakiniku"), ("茶屋", "chaya"), ("亭", "tei"),
    ("キッチン", "kitchen"), ("グリル", "grill"), ("ビストロ", "bistro"), ("弁当", "bento"), ("惣菜", "sozai"), ("菓子舗", "kashiho"),
    ("ラーメン", "ramen"), ("うどん", "udon"), ("そば処", "sobadokoro"), ("鮮魚", "sengyo"), ("精肉", "seiniku"), ("青果", "seika"),
    ("カフェ", "cafe"), ("割烹", "kappo"), ("旅館", "ryokan"), ("ホテル", "hotel"), ("給食", "kyushoku"), ("醸造", "jozo"),
]  # fmt: skip

_OTHER_SUFFIXES = [
    ("物産", "bussan"), ("商店", "shoten"), ("商事", "shoji"), ("興業", "kogyo"), ("産業", "sangyo"), ("ホールディングス", "holdings"),
    ("リテール", "retail"), ("マート", "mart"), ("ストア", "store"), ("サービス", "service"), ("フードファクトリー", "foodfactory"), ("レストランツ", "restaurants"),
]  # fmt: skip

_PLACES = [  # prefecture, city, its name inside a company's name, in Latin letters, area code
    ("東京都", "千代田区", "千代田", "chiyoda", "03"), ("東京都", "渋谷区", "渋谷", "shibuya", "03"), ("東京都", "台東区", "台東", "taito", "03"),
    ("東京都", "八王子市", "八王子", "hachioji", "042"), ("神奈川県", "横浜市", "横浜", "yokohama", "045"), ("神奈川県", "川崎市", "川崎", "kawasaki", "044"),
    ("埼玉県", "さいたま市", "さいたま", "saitama", "048"), ("千葉県", "千葉市", "千葉", "chiba", "043"), ("茨城県", "水戸市", "水戸", "mito", "029"),
    ("栃木県", "宇都宮市", "宇都宮", "utsunomiya", "028"), ("北海道", "札幌市", "札幌", "sapporo", "011"), ("宮城県", "仙台市", "仙台", "sendai", "022"),
    ("新潟県", "新潟市", "新潟", "niigata", "025"), ("石川県", "金沢市", "金沢", "kanazawa", "076"), ("長野県", "長野市", "長野", "nagano", "026"),
    ("静岡県", "静岡市", "静岡", "shizuoka", "054"), ("静岡県", "浜松市", "浜松", "hamamatsu", "053"), ("愛知県", "名古屋市", "名古屋", "nagoya", "052"),
    ("京都府", "京都市", "京都", "kyoto", "075"), ("大阪府", "大阪市", "大阪", "osaka", "06"), ("大阪府", "堺市", "堺", "sakai", "072"),
    ("兵庫県", "神戸市", "神戸", "kobe", "078"), ("岡山県", "岡山市", "岡山", "okayama", "086"), ("広島県", "広島市", "広島", "hiroshima", "082"),
    ("香川県", "高松市", "高松", "takamatsu", "087"), ("愛媛県", "松山市", "松山", "matsuyama", "089"), ("福岡県", "福岡市", "福岡", "fukuoka", "092"),
    ("福岡県", "北九州市", "北九州", "kitakyushu", "093"), ("熊本県", "熊本市", "熊本", "kumamoto", "096"), ("沖縄県", "那覇市", "那覇", "naha", "098"),
]  # fmt: skip

_FORMS = (
    [("株式会社{}", "01")] * 11 + [("{}株式会社", "01")] * 4 + [("有限会社{}", "02")] * 3 + [("合同会社{}", "03")] * 2
)
_STRIDE = 1009  # a prime that divides no product of the lists' lengths: neighbours by index get unlike names
_KIND_DIGIT = {"partner": 1, "target": 2, "other": 3}


def check_digit(base: str) -> int:
    """The check digit that stands before the 12 digits of a corporate number (法人番号).

    9 - (sum of P_n * Q_n mod 9), P_n the nth digit from the right, Q_n 1 for odd n and 2 for even n.
    Source: 法人番号の指定等に関する省令 第二条.
    """
    if len(base) != 12 or not base.isdecimal():
        raise ValueError(f"a corporate number has 12 digits behind its check digit, got {len(base)} characters")
    return 9 - sum(int(p) * (1 + n % 2) for n, p in enumerate(reversed(base))) % 9


def company(kind: Kind, index: int, *, industry: str | None = None, salt: int = 0) -> Company:
    """The index-th company of a kind; `industry` picks a partner's trade, `salt` (a world's seed) who comes first.

    Different (kind, index) under one salt never share a name, a domain or a corporate number.
    """
    if not 0 <= index < 10_000_000:
        raise ValueError(f"the index of a company lies in 0 to 9,999,999, got {index}")
    suffixes = _suffixes(kind, industry)
    pairs = len(_STEMS) * len(suffixes)
    level, within = divmod(index, pairs)
    stem, suffix = divmod((within * _STRIDE + salt * 97) % pairs, len(suffixes))
    name, latin = _STEMS[stem][0] + suffixes[suffix][0], f"{_STEMS[stem][1]}-{suffixes[suffix][1]}"
    mixed = (index * 2_654_435_761 + salt * 40_503 + _KIND_DIGIT[kind]) % 2**32
    place = (mixed >> 16) % len(_PLACES)
    if level:  # the plain names are used up: the place stands before, then a number too
        number, place = divmod(level - 1, len(_PLACES))
        name, latin = _PLACES[place][2] + name, f"{_PLACES[place][3]}-{latin}"
        if number:
            name, latin = f"{name}第{number + 1}", f"{latin}-{number + 1}"
    form, form_code = _FORMS[(mixed >> 8) % len(_FORMS)]
    prefecture, city, _, _, area = _PLACES[place]
    base = f"99{form_code}{_KIND_DIGIT[kind]}{index:07d}"
    return Company(
        name=form.format(name),
        domain=f"{latin}.example",
        corporate_number=f"{check_digit(base)}{base}",
        phone=_phone(area, mixed),
        prefecture=prefecture,
        city=city,
    )


def spelled_elsewhere(original: Company, *, same_number: bool) -> Company:
    """How another CRM's users wrote the same company: a short form; without the number, only the domain tells."""
    name = original.name
    for full, short in (("株式会社", "（株）"), ("有限会社", "（有）"), ("合同会社", "（同）")):
        name = name.replace(full, short)
    return replace(original, name=name, corporate_number=original.corporate_number if same_number else "")


def _suffixes(kind: Kind, industry: str | None) -> list[tuple[str, str]]:
    if kind == "target":
        return _TARGET_SUFFIXES
    if kind == "other":
        return _OTHER_SUFFIXES
    if industry not in _PARTNER_SUFFIXES:
        raise ValueError(f"unknown partner industry {industry!r}; use one of {', '.join(INDUSTRIES)}")
    return _PARTNER_SUFFIXES[industry]


def _phone(area: str, mixed: int) -> str:
    """Ten digits with an exchange that begins with 0."""
    exchange = 6 - len(area)
    digits = f"{mixed % 10**7:07d}"
    return f"{area}-0{digits[: exchange - 1]}-{digits[-4:]}"
