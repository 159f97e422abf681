"""The words that are most frequent in any text of a language, whatever it is about."""

from __future__ import annotations

_WORDS = {
    "en": "a i my me he she his her him do does did up out no one two all been were who just like use used where "
    "over most some only other our us them any many get make made may first new such through between here "
    "let want need too very the of and to in is that for it as with was on are be this by at from or an "
    "which you not have can if will they their has but its when your so than these there more how what we "
    "should would before after about into each because while",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
    "er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber "
    "vor zur bis mehr durch man kann wenn ich du ihr wir diese dieser dies sollte beim",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec on "
    "ou son aux d'un d'une cette mais comme nous vous elle leur ses ces être c'est l'eau peut si sans très "
    "faut donc je tu votre fait entre aussi",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si "
    "sin sobre este ya entre cuando todo esta ser son dos también fue había era muy hasta desde está porque "
    "puede hay usted yo tu cada",
    "it": "di e il la che in un a per è una sono del le non si da con i come anche della nel dei al lo più ma gli "
    "alla delle ha se o questo su dal nella essere suo quando ci perché può cui dopo prima sua io tu ogni "
    "molto degli dell così",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou "
    "quando muito nos já eu também só pelo pela até isso ela entre depois sem mesmo aos seus são você ser "
    "está pode é foi cada essa",
    "nl": "de het een van en in is dat op te zijn met voor niet die aan er om ook als bij of maar uit door over "
    "naar dan wordt kan je ze hij wat nog deze worden heeft meer geen was u tot zo ik wel moet hebben dit "
    "wie",
    "pl": "w i na z się do nie że to jest o jak po co tak za od jego jej ich przez dla są czy tym być ale może lub "
    "który która które oraz przy już tylko jeśli bardzo także można ten ta te gdy pod był będzie",
    "cs": "a v na se je z že o s do i to k ve pro za by ale si po jako od tak jsou který která které nebo jeho při "
    "podle až jen však aby být bude také může ze když pokud co už již mezi není má jsem proto",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var sig från vi så kan när år "
    "under också efter eller nu sin där vid mot ska skulle kommer ut får finns vara hade alla andra mycket "
    "jag du man detta eftersom bara inom blir",
    "da": "og i at det er en til af på de med for ikke den der som et har men om han vi sig var så kan fra også "
    "efter eller nu hvor ved skal ville ud få være havde alle andre meget jeg du man dette fordi bliver blev "
    "hvis når mere hvad noget end kun uden",
    "no": "og i det er som en til på av med for ikke den de har et men om han vi seg var så kan fra også etter "
    "eller nå der ved skal ville ut få være hadde alle andre mye jeg du man dette fordi blir ble hvis når "
    "mer hva noe enn bare uten hvor å",
    "fi": "sitten vähän jotta siihen siitä siinä tässä tähän ensin lopuksi ne kaikki usein aina ja on ei se että "
    "ovat oli hän mutta myös kun niin kuin jos tai sen joka jotka olla voi ole nyt vain jo mitä tämä hyvin "
    "sekä kanssa mukaan vielä koska enemmän minä sinä he tämän esimerkiksi voidaan ennen jälkeen kuten näin "
    "pitää jonka",
    "hu": "a az és hogy nem is egy ez meg volt de csak van el már még ha mint azt vagy ki lehet kell akkor minden "
    "után mert nagyon amely ezt fel több nincs lesz majd között így én ön aki olyan mely vannak szerint "
    "ezért pedig be sem alatt során",
    "tr": "ve bir bu da de için ile çok daha olarak gibi olan ne kadar sonra ama en var her o ben mi değil olduğu "
    "ya ki şey veya hem ise bunu göre kendi yok önce ancak iyi iki nasıl eğer tarafından biz siz olur sadece "
    "böyle arasında üzerinde",
    "ro": "de și în a la cu pe o este să nu un că din care se mai pentru ce sau dar fi au ca sunt al lui prin după "
    "foarte când dacă fost ale acest această acesta cum fără între poate te am tot doar într-o într-un ei îi "
    "trebuie sale unei unui",
    "id": "yang dan di ini untuk dengan dari dalam pada tidak itu adalah akan ke juga oleh sebagai dapat ada lebih "
    "atau bisa karena saya anda mereka sudah telah seperti jika kita secara harus tersebut saat agar setelah "
    "namun hanya sangat bagi kami serta para hal sebuah",
    "vi": "và của là có các cho không được trong với một những người này khi đến để từ đã như cũng sẽ bạn ra vào "
    "nhưng về nên phải thì nếu hoặc nhiều trên đó còn sau rất tại do theo hơn làm việc bị hay lại mà chỉ",
    "ru": "и в не на что с по как это к но из у за то от так для о его все или если может быть при также есть их "
    "был только бы же вы мы она они он я когда чтобы более до уже этого который которые очень где без можно "
    "нужно после",
    "uk": "і в не на що з як до та за це у від про для але його є або якщо може бути при також їх був тільки б ж "
    "ви ми вона вони він я коли щоб більше вже цього який які дуже де без можна потрібно після під час через "
    "й",
    "bg": "и на за се от да в с по не са как ще това но или че при до като може бъде също те тя той ние вие когато "
    "след само много към във има без през които който която беше е си бил трябва",
    "ar": "في من على أن إلى عن هذا هذه التي الذي كان ما لا مع كل هو هي أو بين بعد قبل عند إذا قد كما لم ثم حتى ذلك "
    "غير يمكن يجب وهو وهي أي لن منذ خلال عندما حيث إن",
    "fa": "و در به از که این را با است برای آن یک تا بر می هم نیز خود شود کرد باید اگر یا ها هر شده دارد بود چه ما "
    "شما آنها پس بین باشد کند",
    "ur": "اور کے کی میں ہے کا سے کو نے پر یہ کہ ہیں اس بھی نہیں کر ہو تو ان ایک کیا جو لیے ساتھ تھا گیا وہ",
    "hi": "है के में की और का से को हैं पर यह कि भी नहीं एक इस ने तो हो या जो कर था लिए आप अपने साथ जब",
    "mr": "आहे आणि या च्या ते हे आहेत नाही की तर होते मध्ये ही हा असे त्या साठी एक केली पण काही",
    "ne": "छ र को मा हो गर्न पनि यो छन् लागि भने गरेको तर एक भएको गर्ने थियो यस",
}  # fmt: skip

WORDS = {code: frozenset(words.split()) for code, words in _WORDS.items()}


def _shares() -> dict[str, tuple[tuple[str, float], ...]]:
    """Return for each word the languages that have it, and how much it says for each of them."""
    languages: dict[str, list[str]] = {}
    for code, words in WORDS.items():
        for word in words:
            languages.setdefault(word, []).append(code)
    return {word: tuple((code, 1 / len(codes)) for code in codes) for word, codes in languages.items()}


SHARES = _shares()
# The words that one language has alone.
OWN_WORDS = {code: frozenset(word for word in words if len(SHARES[word]) == 1) for code, words in WORDS.items()}
