"""How models refuse, in twelve languages: patterns for texts in lower case with straight apostrophes.

Each says what is refused ("this request"), since whoever plays a role may well be sorry for what they can't do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# A line that is indented by four spaces goes on with the one before; {name} stands for a part that several have.
Table = str


def _patterns(table: Table, parts: Mapping[str, str] | None = None) -> list[str]:
    lines = re.sub(r"\n {4}", "", table.strip("\n")).splitlines()
    return [re.sub(r"\{(\w+[a-z])\}", lambda name: (parts or {})[name[1]], line) for line in lines]


# What a model says of itself before it declines, or instead of an opinion. Before each pattern stands what is in every
# text that it fits, for a quick look.
_OF_ITSELF = r"""
as an ai @@ \bas an ai(?: (?:language )?(?:model|assistant|chatbot|system|program))?(?: (?:developed
    |created) by \w+)?(?:,| i(?:'m)? )
language model @@ \bas a (?:large )?language model(?: (?:trained|developed|created) by \w+)?(?:,| i(?:'m)? )
an ai|language model|an artificial @@ \bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence
    |large language model|language model)(?: language)?(?: model| assistant)?(?:,| and| so)? (?:and |so )?(?:i )?
    (?:can't|cannot|don't|do not|am not|am unable)
als ki|als ai|als ein|als künst|sprachmodell @@ \bals (?:eine? )?(?:ki|ai|künstliche intelligenz|
    (?:großes )?sprachmodell)(?:[- ](?:sprach)?(?:modell|assistent(?:in)?|system))?,? (?:kann|habe|bin|darf|besitze
    |verfüge) ich\b
tant qu @@ \ben tant qu(?:'|e )(?:une? )?(?:ia|intelligence artificielle|(?:grand )?modèle (?:de langage|d'ia)
    |assistant (?:ia|virtuel))[^.!?\n]{0,40}?,? je (?:ne|n'|suis)
como i|como un|como mod|como gran|como asis @@ \bcomo (?:una? )?(?:ia|inteligencia artificial|
    (?:gran )?modelo de (?:lenguaje|ia)|asistente (?:de ia|virtual))[^.!?\n]{0,40}?,? (?:no (?:puedo|tengo|soy)
    |mi función)
come i|come un|come mod|come assis|in quanto|essendo @@ \b(?:come|in quanto|essendo) (?:una? |un')?(?:ia
    |intelligenza artificiale|modello (?:linguistico|di linguaggio)|assistente (?:ia
    |virtuale))[^.!?\n]{0,40}?,? non (?:posso|ho|sono)
como i|como um|como mod|como grand|como assis @@ \bcomo (?:uma? )?(?:ia|inteligência artificial|
    (?:grande )?modelo de (?:linguagem|ia)|assistente (?:de ia|virtual))[^.!?\n]{0,40}?,? (?:eu )?não (?:posso
    |tenho|sou)
als ai|als een|als kunst|taalmodel @@ \bals (?:een )?(?:ai|kunstmatige intelligentie|(?:ai[- ]|groot )?taalmodel
    |ai-assistent)[^.!?\n]{0,30}?,? (?:kan|heb|ben|mag) ik\b
 ии|интеллект|модель @@ (?:^|[.!?,] |\n)(?:я[ —–-]+(?:всего лишь |просто )?(?:ии|искусственный интеллект
    |языковая модель)|как (?:ии|искусственный интеллект|(?:большая )?языковая модель))[^.!?\n]{0,40}?,? (?:и
     |поэтому )?я не (?:могу|имею|способ)
作为 @@ 作为(?:一个|一名|一款|一种)?(?:ai|人工智能|(?:大型?)?语言模型)[^。！？\n]{0,12}[，,]?我(?:无法|不能|没有
    |并不|不会|不具)
aiと|aiで|aiな|aiの|aiア|ai言|人工知能|モデル @@ (?:私は)?(?:ai|人工知能|(?:大規模)?言語モデル)(?:アシスタント
    |言語モデル)?(?:として|ですので|であるため|なので|のため)、?[^。！？\n]{0,40}(?:できません|ありません
    |できかねます|持っていません|持ちません)
ai|인공|모델 @@ (?:저는 )?(?:ai|인공지능|(?:대규모 )?언어 ?모델)(?: ?언어 ?모델| ?어시스턴트)?(?:로서|이기 때문에
    |이므로|이라서),? [^.!?\n]{0,40}(?:없습니다|않습니다|못합니다)
بصفتي|باعتباري|كوني @@ (?:بصفتي|باعتباري|كوني|لكوني)،? (?:مجرد )?(?:نموذج(?:ا|اً)?|مساعد(?:ا|اً)?|ذكاء(?:ا
    |ً)?)[^.!؟\n]{0,40}?،? (?:لا|ليس|فلا)\s
"""

_SORRY = (
    r"(?:i(?:'m| am) (?:really |very |so |truly |deeply )?(?:sorry|afraid)|sorry|(?:my |my sincere )?apologies"
    r"|i (?:must |do |sincerely )?apologi[sz]e|unfortunately|regrettably|thank you for [^.!?\n]{1,40})"
)
_CANT = (
    "(?:can't|cannot|can not|(?:won't|will not)(?: be able to)?|do(?: not|n't) have the ability to|am not able to"
    "|'m not able to|am unable to|'m unable to|not able to|unable to)"
)
_DO = (
    "(?:(?:help|assist)(?: you)?(?: with| on)?|comply with|fulfil+|answer|respond to|discuss|engage (?:with|in)"
    "|continue(?: with)?|participate in|(?:provide|offer|give|share|generate|create|produce|write|complete|process"
    "|accommodate|support|do)(?: you)?(?: (?:any|an answer to|a response to|assistance (?:with|on)|help (?:with|on)"
    "|guidance on|(?:that|this) kind of))*)"
)
_THAT = (
    r"(?:(?:that|this|it|your|such)(?: (?:particular|specific|kind of|type of|sort of|last|question or))?"
    r"(?: (?:request|question|prompt|query|topic|task|content|information|conversation|inquiry|subject))?"
    r"(?= ?(?:[.,;:!?\n—–-]|$|as |because |since |due |but |at this time))"
    r"|requests? (?:of this|that|like|for|involving)|(?:such|this|that|these|those|harmful|explicit|illegal)"
    r" (?:requests?|content|information|questions?|topics?|kinds?|types?))"
)
_ENGLISH_PARTS = {"sorry": _SORRY, "cant": _CANT, "do": _DO, "that": _THAT}
_ENGLISH = r"""
(?:{sorry}[,.:;]?(?: but| however)?,? )?(?:(?:i|we) |i(?='m not able|'m unable))(?:simply |just )?{cant} {do} {that}
{sorry},? (?:but )?(?:i |that i |for not being able to ){cant} (?:help|assist)(?: you)?(?: here| further)?(?:[.,!]|$)
(?:sorry, )?(?:i|that) (?:can't|cannot) (?:assist|help)(?: you)?(?: here)?[.!]
i(?:'m| am) not (?:programmed|designed|trained|permitted|allowed|comfortable) (?:to |in )?(?:help|assist|answer
    |provid|discuss|creat|generat|writ|shar)\w*
(?:this|that|your|the) (?:request|question|prompt|topic) (?:violates|goes against|is against) (?:my|our|the
    |openai's|their)
(?:it|this) (?:is|goes|would be) (?:against|not within) my (?:guidelines|programming|capabilities|principles|policy
    |policies)
(?:i )?apologi[sz]e for (?:any|the|my) [^.!?\n]{1,40} (?:in|of|from|caused by) my (?:previous|earlier|last
    |prior) (?:response|answer|message|reply|statement)
"""
# German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese, Korean, Arabic and Polish.
_OTHERS = r"""
(?:es )?tut mir (?:sehr |wirklich )?leid,? (?:aber )?(?:dabei|damit|das|diese(?:n|r
    |s)?\b[^.!?\n]{0,40}) kann ich[^.!?\n]{0,30}nicht
(?:es tut mir (?:sehr )?leid|entschuldigung|leider|sorry),? (?:aber )?(?:(?:dass )?ich )?(?:kann|darf)?(?: ich)?
    (?: dir| ihnen| euch)? ?(?:leider )?(?:dabei|damit|hierbei|bei dieser (?:anfrage|frage|bitte)
    |mit dieser anfrage|diese (?:anfrage|frage|bitte)|darauf|das) (?:leider )?nicht (?:weiter)?(?:helfen
    |unterstützen|behilflich|beantworten|erfüllen|antworten|bearbeiten|nachkommen|tun)
ich (?:kann|darf)(?: dir| ihnen| euch)? (?:leider )?(?:dabei|damit|hierbei|bei dieser anfrage|diese (?:anfrage
    |frage|bitte)) (?:leider )?nicht (?:weiter)?(?:helfen|unterstützen|behilflich|beantworten|erfüllen)
(?:je suis (?:vraiment |sincèrement )?)?(?:désolée?|navrée?|excusez-moi|malheureusement)[,.]? (?:mais )?je
     (?:ne peux pas|ne suis pas en mesure de|ne peux) (?:vous |t'|y )?(?:aider|assister|répondre|donner suite
    |satisfaire|traiter|accéder|fournir|accomplir|continuer|faire)(?: avec| sur| dans| à| de)?(?: ce(?:la|tte|s
    |t)?\b| ça| votre (?:demande|question|requête)| ta demande|[.,!]|$)
je (?:ne peux pas|ne suis pas en mesure de) (?:répondre à|donner suite à|satisfaire|traiter|accéder à) (?:cette
    |votre) (?:demande|question|requête)
(?:lo siento(?: mucho)?|disculp[ae]|perdón|lamentablemente|desafortunadamente|me temo que)[,.]? (?:pero )?no
     (?:puedo|me es posible|estoy en condiciones de) (?:ayudar(?:te|le|los)?|asistir(?:te|le)?|responder|cumplir
    |proporcionar|continuar|atender|hacer|generar|realizar)(?: con| en| a)?(?: es[oea]\b| est[oea]\b| es[ea] tipo
    | (?:tu|su) (?:solicitud|petición|pregunta)|[.,!]|$)
no puedo (?:ayudarte|ayudarle|asistirte|cumplir|responder)(?: con| a) (?:eso|esto|es[ae] (?:solicitud|petición
    |pregunta|tema)|est[ae] \w+)[.,]
(?:mi dispiace(?: molto)?|spiacente|purtroppo|mi scuso)[,.]? (?:ma )?non (?:posso|sono in grado di) (?:aiutar(?:ti
    |la|vi)|assister(?:ti|la)|rispondere|soddisfare|fornire|esaudire|continuare|procedere)(?: con| in| a)?
    (?: quest[oai]\b| tale| la tua richiesta| la sua richiesta|[.,!]|$)
(?:desculpe|lamento|sinto muito|me desculpe|infelizmente|peço desculpas?)[,.]? (?:mas )?(?:eu )?não (?:posso
    |consigo|sou capaz de) (?:ajud(?:ar|á-l[oa]|ar você)|te ajudar|auxiliar|responder|fornecer|atender|cumprir
    |continuar|fazer)(?: com| em| a)?(?: iss[oae]\b| ess[ae]\b| est[ae]\b| nisso| (?:a )?(?:sua|tua) (?:solicitação
    |pergunta|pedido)|[.,!]|$)
(?:het spijt me|sorry|helaas)[,.]? (?:maar )?(?:ik )?kan (?:ik )?(?:je|u|jou)? ?(?:daar|hier|daarmee|hiermee
    |daarbij|hierbij|met (?:dat|dit|deze vraag|dit verzoek)|dit verzoek|deze vraag) ?(?:helaas )?niet ?(?:mee
     |bij )?(?:helpen|assisteren|beantwoorden|uitvoeren|verder)
(?:извините|простите|к сожалению|прошу прощения|приношу извинения|мне (?:очень )?жаль)[,.]? (?:но )?я не (?:могу
    |в состоянии) (?:вам |тебе )?(?:помочь|ответить|выполнить|предоставить|обсуждать|продолжить)(?: вам| тебе)?
    (?: с| на| в)?(?: эт(?:им|от|ой|у|о|ом)\b| ваш\w* (?:запрос|вопрос)\w*| так\w+ (?:запрос|информаци|вопрос)\w*
    |[.,!]|$)
(?:很?抱歉|对不起|對不起|非常抱歉|不好意思)[，,。]?(?:但是?|不过)?我?(?:暂时)?(?:无法|不能|無法|没有办法)(?:为您
    |为你|帮您|帮你)?(?:帮助|协助|回答|提供|满足|完成|处理|回应|继续|讨论)(?:您|你)?(?:(?:这个|这类|此类|该|这种
    |您的|你的|这样的|相关)[^。！？，\n]{0,10})?(?:请求|问题|要求|内容|帮助|信息|服务|话题)?(?=[。，！,.!\n]|$)
(?:大変)?(?:申し訳(?:あり|ござい)ません|すみません|恐れ入ります|ごめんなさい)(?:が|けど)?[、。]?[^。！？\n]{0,16}
    (?:ご?(?:質問|要望|要求|依頼|リクエスト)|お手伝い|お力に|その件|それ|内容|お答え)[^。！？\n]{0,16}(?:できません
    |できかねます|いたしかねます|なれません)
(?:정말 )?(?:죄송(?:합니다|하지만)|미안(?:합니다|하지만)|유감이지만|안타깝지만)[,.]?(?: ?하지만| ?그러나)?,? ?
    (?:저는 )?[^.!?\n]{0,16}(?:요청|질문|도와|도움|답변|정보|내용)[^.!?\n]{0,14}(?:수 없|어렵|못 ?합)
(?:그|이|해당) (?:질문|요청|내용)[^.!?\n]{0,10}(?:답변|도와|응답|제공)[^.!?\n]{0,8}(?:수 없|어렵)
(?:أنا )?(?:آسف|آسفة|عذر[اًا]+|أعتذر|للأسف|معذرة)[،,.]?(?: لكن(?:ني)?| ولكن(?:ني)?)?،? ?(?:أنا )?(?:لا (?:أستطيع
    |يمكنني|أقدر)|لست قادر)[^.!؟\n]{0,8} ?(?:مساعدت|الإجابة|تقديم|تلبية|المساعدة|الرد|تنفيذ)[^.!؟\n]{0,24}(?:هذا
    |هذه|ذلك|طلب|[.،!]|$)
(?:przykro mi|przepraszam|niestety)[,.]? (?:ale )?nie (?:mogę|jestem w stanie) (?:ci |panu |pani |w tym |z tym )?
    (?:pomóc|odpowiedzieć|spełnić)(?: ci)?(?: w tym| z tym| na to| tej prośby|[.,!]|$)
"""

# Fits at the beginning of a sentence.
REFUSALS = re.compile("|".join(_patterns(_ENGLISH, _ENGLISH_PARTS) + _patterns(_OTHERS)))
# In the first sentences of every text that it fits there is one of these.
SIGNS_OF_REFUSAL = tuple(
    (
        "can't|cannot|can not|unable|not able|won't|will not|'m not |am not |violates|against|apolog|nicht|ne peux"
        "|mesure de|no puedo|me es posible|condiciones|non posso|grado di|não posso|não consigo|não sou|niet|не могу"
        "|не в сост|抱歉|对不起|對不起|不好意思|申し訳|すみません|恐れ入|ごめん|죄송|미안|유감|안타깝|أستطيع|يمكنني"
        "|أقدر|قادر|수 없|어렵|the ability|nie mogę|nie jestem"
    ).split("|")
)
# A text in Latin letters in which a model speaks of itself has one of these words.
WORDS_FOR_MODELS = frozenset(
    word + mark
    for mark in ("", ",")
    for word in (
        "ai ia ki model modelo modello sprachmodell taalmodel ki-modell ki-sprachmodell ai-taalmodel qu'ia d'ia un'ia "
        "assistant chatbot system program intelligence inteligencia intelligenza intelligentie assistente asistente "
        "ai-assistent ki-assistent ki-system virtual virtuale virtuel artificielle artificial artificiale modèle "
        "künstliche künstlicher inteligência"
    ).split()
)


def _signs_and_pattern(line: str) -> tuple[tuple[str, ...], re.Pattern[str]]:
    signs, _, pattern = line.partition(" @@ ")
    return tuple(signs.split("|")), re.compile(pattern)


OF_ITSELF = tuple(map(_signs_and_pattern, _patterns(_OF_ITSELF)))
