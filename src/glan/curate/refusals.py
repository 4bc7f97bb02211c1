"""What a refusal looks like, in fifteen languages. It is conservative: a refusal that is missed costs one pair.

I'm sorry, but I can't help with that.                                    a refusal
"I'm sorry, but I can't help it," said Ann. What does she mean by it?     a question
"""

# ruff: noqa: RUF001 - the letters of other scripts are meant

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glan.curate.shingles import normalise

_LONGEST: Final = 600
"""In characters. A longer text that begins like a refusal says something besides."""
_BEGINNING: Final = 300
"""In characters: all that is looked at."""
_QUOTES: Final = tuple("\"'`\u2018\u201c\u201e\u00ab\u2039\u300c\u300e>")
"""A text that begins with one of them quotes somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """Patterns over normal forms, which have no punctuation: "I'm" is "i m" there."""

    sorry: str
    """A regret that a refusal may begin with ..."""
    refused: str
    """... and what comes soon after it: that I cannot do one of the things that a teacher is asked for."""
    alone: str
    """What is a refusal without a regret, mostly of one who says that it is a model."""


LANGUAGES: Final[Mapping[str, _Words]] = {
    "English": _Words(
        sorry=r"(?:i m|i am|we re|we are) (?:\w+ )?(?:sorry|afraid)|sorry|(?:my )?apologies|i (?:\w+ )?apologi[sz]e"
        r"|unfortunately|regrettably",
        refused=r"\b(?:i|we) (?:m |am |re |are )?(?:can ?not|can t|won t|will not|not able to|unable to|not allowed to)"
        r"\b.{0,20}\b(?:assist|help (?:you|with)|provid|fulfil|comply|complete|answer|respond|generat|creat|writ|produc"
        r"|discuss|engag|support|continue|do (?:that|this)|offer|give)",
        alone=r"(?:i (?:can ?not|can t|won t|will not|am unable to|m unable to|am not able to|m not able to) "
        r"(?:(?:assist|comply|help you|help with (?:that|this|your))\b"
        r"|(?:provide|answer|fulfill?|discuss|respond to) (?:that|this|your|you)\b)"
        r"|as an? (?:ai|artificial intelligence|(?:large )?language model)"
        r"(?: (?:language )?(?:model|assistant|system|chatbot))?(?: (?:developed|created|trained|made) by \w+)? "
        r"i (?:can ?not|can t|don t|do not|am unable|m unable|am not|m not|must|won t|will not)\b)",
    ),
    "German": _Words(
        sorry=r"(?:es )?tut mir (?:\w+ )?leid|entschuldig\w*|verzeihung|leider|ich bedau\w+",
        refused=r"\b(?:kann|darf) ich\b.{0,60}\b(?:nicht|keine?n?)\b.{0,60}\b(?:helfen|weiterhelfen|beantworten"
        r"|unterstützen|erstellen|liefern|bereitstellen|erfüllen|schreiben|nachkommen|geben|behilflich)\b"
        r"|\bich (?:kann|darf)\b.{0,60}\b(?:nicht|keine?n?)\b.{0,60}\b(?:helfen|weiterhelfen|beantworten|unterstützen"
        r"|erstellen|liefern|bereitstellen|erfüllen|schreiben|nachkommen|geben|behilflich)\b",
        alone=r"(?:(?:dabei|damit) kann ich(?: ihnen| dir| euch)? (?:leider )?nicht (?:weiter)?helfen"
        r"|als (?:ki|künstliche intelligenz|ki (?:sprach)?modell|ki assistent|sprachmodell) "
        r"(?:kann|darf|habe|bin) ich\b.{0,60}\b(?:nicht|kein))",
    ),
    "French": _Words(
        sorry=r"(?:je suis |nous sommes )?(?:\w+ )?(?:désolée?s?|navrée?s?)|malheureusement|je regrette|je m excuse"
        r"|toutes mes excuses|excusez moi",
        refused=r"\bje ne (?:peux|pourrai|puis|saurais|suis pas)\b.{0,40}\b(?:aide|répond|fourni|assist|cré|génér|rédig"
        r"|écri|satisfai|accéd|produi|donner|traiter|apporter)",
        alone=r"(?:je ne (?:peux|puis|saurais) (?:pas )?(?:vous|t) (?:aider|répondre|assister)\b"
        r"|en tant (?:qu|que) (?:ia|intelligence artificielle|assistant ia|modèle de langage)\b.{0,30}\bje ne\b)",
    ),
    "Spanish": _Words(
        sorry=r"lo siento|(?:lo )?lament(?:o|amos|ablemente)|disculp\w+|perdón|perdon[ae]|desafortunadamente",
        refused=r"\bno (?:puedo|podré|podemos|me es posible|soy capaz|estoy)\b.{0,40}\b(?:ayud|asist|proporcion|respond"
        r"|contest|cumpl|complet|gener|crear|ofrec|escrib|facilit|brind|atender|dar)",
        alone=r"(?:no puedo (?:ayudar(?:te|le|los)?|asistir(?:te|le)?) (?:con|en) (?:eso|esto|esta|ese|su|tu)\b"
        r"|como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)\b.{0,40}\bno (?:puedo|tengo)\b)",
    ),
    "Portuguese": _Words(
        sorry=r"(?:me |peço )?desculp\w+|sinto muito|lament(?:o|amos|avelmente)|infelizmente",
        refused=r"\bnão (?:posso|consigo|poderei|podemos|sou capaz|estou)\b.{0,40}\b(?:ajud|fornec|respond|atend|cria"
        r"|gera|escrev|auxili|cumpr|prossegu|oferec|assist|complet|dar)",
        alone=r"(?:não posso (?:ajudar|ajudá l[oa]|auxiliar) (?:com|n)\w*|como (?:uma? )?"
        r"(?:ia|inteligência artificial|modelo de linguagem)\b.{0,40}\bnão (?:posso|tenho|consigo)\b)",
    ),
    "Italian": _Words(
        sorry=r"mi (?:di)?spiace|(?:sono )?spiacente|scus\w+|purtroppo",
        refused=r"\bnon (?:posso|potrò|possiamo|riesco|sono in grado|mi è possibile)\b.{0,40}\b(?:aiut|forni|rispond"
        r"|assist|crea|genera|scriv|soddisf|complet|dare|darti|darle|eseguir)",
        alone=r"(?:non posso aiutar(?:ti|la|vi) (?:con|in)\b|(?:come|in quanto) "
        r"(?:ia|intelligenza artificiale|modello linguistico)\b.{0,40}\bnon (?:posso|ho)\b)",
    ),
    "Russian": _Words(
        sorry=r"извини(?:те)?|прости(?:те)?|к сожалению|мне (?:очень )?жаль|прошу прощения|приношу извинения|сожалею",
        refused=r"\bне (?:могу|смогу|в состоянии|имею возможности|способен)\b.{0,60}\b(?:помо[чг]|ответ|отвеч|предостав"
        r"|выполн|созда|напис|сгенерир|оказать|продолж|обсужд)",
        alone=r"(?:я не (?:могу|смогу) (?:вам )?(?:с этим )?помочь\b"
        r"|как (?:ии|искусственный интеллект|языковая модель)\b.{0,30}\bя не (?:могу|имею)\b)",
    ),
    "Chinese": _Words(
        sorry=r"(?:很|非常|十分|真的)?(?:抱歉|遗憾|遺憾)|对不起|對不起|不好意思",
        refused=r"(?:无法|無法|不能|没有办法|没办法|不便).{0,15}(?:帮助|幫助|协助|協助|提供|回答|满足|滿足|完成|生成|处理|處理"
        r"|回应|回應|继续|繼續|讨论|討論|执行|執行|撰写|撰寫)",
        alone=r"(?:我(?:无法|無法|不能)(?:帮助|幫助|协助|協助)您?|作为一?[个名款]?(?:ai|人工智能|大?语言模型).{0,12}我.{0,6}"
        r"(?:无法|不能|没有))",
    ),
    "Japanese": _Words(
        sorry=r"(?:大変|誠に|まことに)?(?:申し訳|すみません|すいません|ごめんなさい|恐れ入ります|残念ながら)",
        refused=r"(?:お応え|お答え|回答|対応|提供|お手伝い|お助け|支援|作成|生成|協力|応じ|実行|お力).{0,20}"
        r"(?:できません|出来ません|できかねます|[致い]た?しかねます|なれません|られません|ことはできない)",
        alone=r"(?:私は)?(?:ai|人工知能|(?:大規模)?言語モデル)(?:言語モデル|アシスタント)?(?:として|なので|であるため).{0,60}"
        r"(?:できません|出来ません|できかねます)",
    ),
    "Korean": _Words(
        sorry=r"(?:정말 |대단히 |매우 )?(?:죄송|미안|유감)",
        refused=r"(?:도와|도움|도울|답변|대답|제공|응답|작성|생성|수행|지원|처리).{0,20}"
        r"(?:수 ?가? ?없|어렵습|못 ?하|불가능)",
        alone=r"(?:저는 )?(?:ai|인공지능|언어 모델)(?: 언어 모델)?(?:로서|으로서|이기 때문에|이므로).{0,60}수 ?가? ?없",
    ),
    "Thai": _Words(
        sorry=r"(?:ต้อง)?ขออภัย|ขอโทษ|เสียใจ|น่าเสียดาย",
        refused=r"ไม่(?:สามารถ|อาจ).{0,30}(?:ช่วย|ตอบ|ให้ข้อมูล|ให้คำ|เขียน|สร้าง|ดำเนินการ|ทำตาม)",
        alone=r"(?:ในฐานะ(?:ที่เป็น)?(?:ai|เอไอ|ปัญญาประดิษฐ์|โมเดลภาษา).{0,60}ไม่(?:สามารถ|มี)"
        r"|(?:ผม|ฉัน|ดิฉัน)ไม่สามารถช่วย)",
    ),
    "Arabic": _Words(
        sorry=r"(?:أنا )?(?:آسف|اسف|أعتذر|اعتذر|نعتذر|عذرا|عذرًا|المعذرة|للأسف|يؤسفني)",
        refused=r"\b(?:لا (?:أستطيع|استطيع|يمكنني|يمكننا|أقدر)|لن (?:أستطيع|أتمكن)|غير قادر)\b.{0,60}"
        r"\b(?:مساعد|المساعد|تقديم|الإجابة|إجابة|الرد|تلبية|كتابة|إنشاء|توفير|أساعد|أجيب|أقدم)",
        alone=r"(?:لا (?:أستطيع|يمكنني) (?:مساعدتك|المساعدة)"
        r"|(?:بصفتي|كوني|باعتباري) (?:نموذج|ذكاء|مساعد).{0,60}\bلا\b)",
    ),
    "Hebrew": _Words(
        sorry=r"(?:אני )?(?:מצטער|מצטערת|מתנצל|מתנצלת)|סליחה|לצערי|צר לי",
        refused=r"\b(?:איני|אינני|אני לא|לא) (?:יכול|יכולה|אוכל|מסוגל|מסוגלת)\b.{0,40}"
        r"\b(?:לעזור|לסייע|לענות|לספק|לכתוב|ליצור|להשיב|למלא|לתת)",
        alone=r"(?:(?:איני|אינני|אני לא) (?:יכול|יכולה) (?:לעזור|לסייע) (?:לך|לכם|בזה|בכך|עם)\b"
        r"|(?:בתור|כ)\s?(?:מודל שפה|בינה מלאכותית).{0,40}\b(?:איני|אינני|לא)\b)",
    ),
    "Hindi": _Words(
        sorry=r"(?:मुझे )?(?:क्षमा|माफ़|माफ|खेद|अफ़सोस|अफसोस)",
        refused=r"(?:मदद|सहायता|उत्तर|जवाब|प्रदान|लिख|बना|पूरा).{0,30}"
        r"(?:नहीं (?:कर |दे |लिख |बना )?(?:सकता|सकती|सकते|पाऊँगा|पाऊंगा)|असमर्थ)",
        alone=r"(?:एक )?(?:एआई|ai|भाषा मॉडल|कृत्रिम बुद्धिमत्ता).{0,60}(?:नहीं (?:कर |दे )?(?:सकता|सकती)|असमर्थ)",
    ),
    "Vietnamese": _Words(
        sorry=r"(?:tôi |rất |thành thật )*(?:xin lỗi|rất tiếc|lấy làm tiếc)|tiếc là",
        refused=r"\b(?:không thể|chưa thể|không được phép)\b.{0,40}"
        r"\b(?:giúp|hỗ trợ|trả lời|cung cấp|đáp ứng|viết|tạo|thực hiện)",
        alone=r"(?:tôi không thể (?:giúp|hỗ trợ) (?:bạn|anh|chị|với|về)\b"
        r"|là một (?:ai|trí tuệ nhân tạo|mô hình ngôn ngữ).{0,40}\btôi không (?:thể|có)\b)",
    ),
}
REFUSAL: Final = re.compile(
    "|".join(f"(?:{words.sorry}).{{0,60}}?(?:{words.refused})|{words.alone}" for words in LANGUAGES.values())
)


_FIRST_WORDS: Final = (
    "i", "we", "my", "as", "sorry", "apologies", "unfortunately", "regrettably",
    "es", "tut", "entschuldig", "verzeihung", "leider", "dabei", "damit", "als",
    "je", "nous", "malheureusement", "toutes", "excusez", "en",
    "lo", "lament", "disculp", "perdon", "desafortunadamente", "no", "como",
    "mi", "sono", "spiacente", "scus", "purtroppo", "come",
)  # fmt: skip
"""How refusals of ASCII letters alone begin: to look for it costs a fifth of a microsecond, and the pattern ten."""


def is_refusal(text: str) -> bool:
    """Say whether a text is short and begins like a refusal."""
    text = text.strip()
    if not text or len(text) > _LONGEST or text.startswith(_QUOTES):
        return False
    if text.isascii() and text[0].isalpha() and not text.lower().startswith(_FIRST_WORDS):
        return False
    return REFUSAL.match(normalise(text[:_BEGINNING])) is not None
