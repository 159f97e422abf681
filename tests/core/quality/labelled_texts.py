"""Texts that the labelled pairs are made of: questions and answers on many subjects, each written for the purpose."""

from __future__ import annotations

# Question and answer, plain ones of different length and style. Neighbours are on one subject, and differ all the same.
ANSWERED: list[tuple[str, str]] = [
    (
        "My rear wheel rubs on the brake pad once per turn. How do I find out whether the rim is bent?",
        "Spin the wheel slowly and watch the gap between rim and pad. If the gap closes at one place only, the rim has a "
        "sideways wobble there. Mark that place with chalk on both sides. Loosen the spoke on the side that rubs by a "
        "quarter turn and tighten the one opposite by the same amount. Check again before you go on. A dent that you can "
        "feel with your thumb will not come out this way, and such a rim should be replaced.",
    ),
    (
        "How tight should the spokes of a hand-built front wheel be?",
        "Pluck neighbouring spokes and compare their pitch; they should sound nearly alike on each side. A tension meter "
        "is more exact, and most rim makers print a maximum on a sticker inside the rim bed. Stay a little below it. "
        "After the first long ride the spokes settle in their holes, so measure again and bring low ones back up.",
    ),
    (
        "Which oil belongs on a bicycle chain in a wet winter?",
        "Use a thick oil that is sold for wet conditions. It stays on the rollers when rain washes thin oil away, but it "
        "collects grit, so wipe the outer plates with a rag after every second ride. Put one drop on each roller, turn "
        "the cranks for a minute, and wipe off all that you can see. What helps is inside of the rollers.",
    ),
    (
        "Why does sourdough bread sometimes come out flat and dense?",
        "Mostly the starter was not active enough when it went into the dough. It should double within six hours of being "
        "fed and float in water. A dough that rested too long collapses as well: the gluten has been eaten away and can "
        "no longer hold gas. Press a finger into it; when the dent fills slowly, bake at once. Finally, a cold oven gives "
        "too little rise in the first ten minutes.",
    ),
    (
        "How do I keep a sourdough starter while I am away for three weeks?",
        "Feed it with more flour than usual so that it becomes a stiff ball, let it stand for an hour, and put it into the "
        "fridge in a jar with a loose lid. Cold slows the yeast down but does not kill it. After you return, throw most "
        "of it away and feed the rest twice a day until it rises as before.",
    ),
    (
        "What is the difference between baking soda and baking powder?",
        "Baking soda is pure sodium bicarbonate and needs something sour, such as buttermilk or honey, to make gas. "
        "Baking powder brings its own dry acid and only needs moisture and heat. One can replace the other if you mind "
        "the acid: for a teaspoon of soda take three of powder and leave out the lemon juice.",
    ),
    (
        "Why is my Python loop over a list skipping elements when I remove some of them?",
        "Removing an element shifts all later ones down by one, while the loop's position still moves up by one. So the "
        "element after each removed one is never looked at. Build a new list with a comprehension that keeps what you "
        "want, or loop over a copy. Going backwards by index works too but is harder to read.",
    ),
    (
        "What does the `with` statement do in Python, and when should I use it?",
        "It calls a method of an object at the beginning of the block and another one at the end, even if an exception is "
        "raised in between. Use it for whatever has to be given back: files, locks, connections, temporary folders. You "
        "can write your own context manager with a generator function and a decorator from contextlib.",
    ),
    (
        "How can I profile a slow Python program without changing its code?",
        "Start it under a sampling profiler, which looks at the call stack a hundred times a second from outside. The "
        "result is a flame graph whose wide bars are the functions where time goes. A deterministic profiler such as "
        "cProfile counts every call instead; it slows the program down and makes small functions look worse than they are.",
    ),
    (
        "When should a database table have an index on two columns together?",
        "When queries filter by both, or filter by the first and sort by the second. The order matters: the index helps "
        "with the leading column alone, but not with the second one alone. Every index makes inserts slower and takes "
        "space, so look at the query plan before and after, with data of realistic size.",
    ),
    (
        "What is a deadlock in a database, and how does my application get out of it?",
        "Two transactions each hold a lock that the other one wants, so neither can go on. The server notices the circle "
        "and aborts one of them with an error. Catch that error and run the whole transaction again, not only the last "
        "statement. Deadlocks become rare if all code takes its locks in the same order and keeps transactions short.",
    ),
    (
        "Which plants grow well on a balcony that gets no direct sun?",
        "Ferns, hostas and begonias like shade and only ask for soil that stays moist. For the kitchen try mint, chives and "
        "parsley, which grow slower there but do not bolt. Pale leaves bring light into a dark corner. Water in the "
        "morning, and turn the pots now and then so that they do not lean.",
    ),
    (
        "My tomato leaves have brown spots with yellow rings. What is that and what should I do?",
        "It looks like early blight, a fungus that overwinters in soil and spreads with splashing water. Cut off the "
        "lowest leaves, which it reaches first, and throw them into the household rubbish rather than on the compost. "
        "Water at the root, mulch the soil, and leave three years before you plant tomatoes or potatoes there again.",
    ),
    (
        "How does compound interest differ from simple interest?",
        "Simple interest is paid on what you put in at the start, so it is the same every year. Compound interest is also "
        "paid on earlier interest, so it grows faster the longer you wait. Over one year there is no difference; over "
        "thirty years it may decide whether you have twice or seven times as much.",
    ),
    (
        "Should I pay off my mortgage early or invest the money?",
        "Compare the interest that you save with the return that you expect after tax, and remember that the first is "
        "certain while the second is not. Keep some months of expenses at hand first. Many banks allow a certain share "
        "to be repaid each year without a fee. Whoever sleeps better without debt may well pay, even if it costs a little.",
    ),
    (
        "Why is the sky blue in the daytime but red at sunset?",
        "Air scatters short waves of light much more than long ones. During the day we see the scattered blue from all "
        "directions. In the evening sunlight takes a long way through the air, most of the blue is scattered out of it, "
        "and what arrives is orange and red. Dust and smoke strengthen the effect.",
    ),
    (
        "Why does the moon always show us the same side?",
        "It turns around its axis once in the time it takes to travel around the earth. That is no accident: the earth's "
        "pull raised a bulge in the young, soft moon and slowed its rotation until the bulge pointed at us for good. Most "
        "large moons of the planets are locked in the same way.",
    ),
    (
        "How do vaccines train the immune system?",
        "A vaccine shows the body a harmless part of a germ, or the plan for one. Some white blood cells happen to fit it; "
        "they multiply, make antibodies and leave long-lived memory cells. When the real germ arrives, these answer within "
        "a day or two instead of two weeks, and the illness is milder or does not break out at all.",
    ),
    (
        "What helps against jet lag after a flight to the east?",
        "Seek bright light in the morning of the new place and avoid it late in the evening, since light sets the inner "
        "clock. Shift your bedtime an hour earlier on each of the three days before the flight. Eat at local times from "
        "the first day on. A short nap is fine, but not after three in the afternoon.",
    ),
    (
        "How should I warm up before running in cold weather?",
        "Begin indoors with two minutes of marching on the spot, then swing your legs and circle your hips. Walk fast for "
        "five minutes outside before you start to jog, and keep the first kilometre so slow that you could sing. Muscles "
        "and tendons are stiffer in the cold; most strains happen when somebody sprints for a bus.",
    ),
    (
        "What was the Hanseatic League and why did it decline?",
        "It was a league of trading towns around the Baltic and the North Sea, led by Lubeck from the thirteenth century "
        "on. Together they won privileges in foreign ports, kept pirates down and fixed prices. It declined as kingdoms "
        "grew stronger, herring moved elsewhere, and trade shifted to the Atlantic, which Dutch and English merchants ruled.",
    ),
    (
        "Why did the Roman Republic turn into an empire?",
        "Conquest made some families immensely rich and ruined the farmers who had filled the army. Soldiers came to depend "
        "on their generals for land and pay, and the generals used them against each other and the senate. After two "
        "generations of civil war, Augustus offered peace, kept the old offices in name, and took all their power.",
    ),
    (
        "How do I say no to a colleague who keeps asking for favours without seeming unfriendly?",
        "Thank them for asking, say clearly that you can't take it on, and give one short reason that is true. Don't "
        "apologise at length, since that invites bargaining. If you like, offer something smaller or name a later date. "
        "Say it in the same calm voice that you would use for a yes.",
    ),
    (
        "How do I prepare for a salary negotiation?",
        "Find out what others earn for the same work in your region and decide on three figures: what you will ask for, "
        "what would please you, and where you walk away. Write down what you have achieved this year, in numbers where you "
        "can. Let the other side speak first, and do not fill the silence after you have named your figure.",
    ),
]

# Words that may stand for each other in the texts above.
SYNONYMS: dict[str, str] = {
    "slowly": "gently", "watch": "observe", "only": "just", "mostly": "usually", "enough": "sufficiently",
    "should": "must", "such": "this", "finally": "lastly", "use": "take", "thick": "heavy", "helps": "counts",
    "feed": "nourish", "big": "large", "most": "nearly", "pure": "plain", "needs": "requires", "bring": "carry",
    "mind": "watch", "later": "following", "keeps": "retains", "works": "functions", "harder": "trickier",
    "write": "create", "start": "launch", "result": "outcome", "small": "tiny", "makes": "renders", "space": "room",
    "catch": "trap", "whole": "entire", "rare": "scarce", "like": "prefer", "moist": "damp", "cut": "trim",
    "throw": "toss", "grows": "rises", "certain": "sure", "keep": "hold", "many": "numerous", "much": "far",
    "strengthen": "increase", "arrives": "comes", "effect": "impression", "travel": "move", "young": "early",
    "happen": "chance", "shows": "presents", "milder": "weaker", "avoid": "shun", "short": "brief", "fine": "okay",
    "begin": "commence", "fast": "quickly", "outside": "outdoors", "somebody": "someone", "together": "jointly",
    "declined": "shrank", "elsewhere": "away", "rich": "wealthy", "immensely": "hugely", "peace": "calm",
    "clearly": "plainly", "reason": "cause", "offer": "propose", "calm": "quiet", "find": "work", "decide": "settle",
    "achieved": "accomplished", "please": "content", "compare": "match", "remember": "recall", "allow": "permit",
}  # fmt: skip

# A form with {0} to {3} to fill in, and what to fill in: samples of one subject each that share all other words.
FORMS: list[tuple[str, str, list[tuple[str, str, str, str]]]] = [
    (
        "What is {0} and why does it matter?",
        "{0} is {1}. It matters since {2}. A good first step is to {3}, and to look at the result after some time. "
        "Beginners often overlook {0} at first, which is why it is worth an hour of your attention.",
        [
            ("crop rotation", "growing other plants on a bed each year", "pests find nothing to live on",
             "draw a plan of your beds"),
            ("version control", "keeping every state of your files", "you can undo any mistake",
             "make a repository for your next project"),
            ("a fixed budget", "a plan for what you may spend", "surprises no longer ruin the month",
             "write down all bills of the last quarter"),
            ("wheel truing", "straightening a rim by its spokes", "a bent rim wears out the brakes",
             "buy a spoke key that fits"),
            ("interval training", "changing between hard and easy running", "the heart learns to recover",
             "run fast for one minute and slowly for two"),
            ("cold brewing", "steeping coffee in cold water overnight", "bitter parts stay in the grounds",
             "grind the beans coarsely"),
        ],
    ),
    (
        "How do I sharpen a {0}?",
        "To sharpen a {0}, hold it at an angle of {1} and draw it over {2}. Repeat on the other side, then test the {0} on "
        "{3}. Wipe everything clean at the end and put it away dry.",
        [
            ("kitchen knife", "fifteen degrees", "a fine water stone", "a sheet of paper"),
            ("wood chisel", "twenty-five degrees", "a diamond plate and a strop", "the end grain of pine"),
            ("garden spade", "forty degrees", "a coarse file in one direction", "a root as thick as a thumb"),
            ("pair of scissors", "the angle they have", "a small ceramic rod", "a strip of cloth"),
            ("axe", "thirty degrees", "a round stone in small circles", "a dry branch"),
            ("pocket knife", "twenty degrees", "an oil stone", "a piece of rope"),
        ],
    ),
    (
        "Write a function in Python that {0}.",
        "Here is one way to do it:\n```python\ndef {1}(values):\n    {2}\n```\nIt takes a list and {3}. The list itself isn't "
        "changed, so that you can go on using it afterwards.",
        [
            ("returns the largest of some numbers", "largest", "return max(values)", "returns its greatest element"),
            ("counts how often each word occurs", "frequencies", "return Counter(values)", "returns a mapping of counts"),
            ("removes repeated elements", "distinct", "return list(dict.fromkeys(values))", "keeps the first of each"),
            ("computes the mean", "mean", "return sum(values) / len(values)", "fails for an empty one"),
            ("splits a list into pairs", "paired", "return list(zip(values[::2], values[1::2]))", "drops an odd last one"),
            ("checks whether a list is sorted", "is_sorted", "return values == sorted(values)", "tells whether it rises"),
        ],
    ),
    (
        "What is the capital of {0}, and what is it known for?",
        "The capital of {0} is {1}. It lies on {2} and is best known for {3}. Many visitors stay for two or three days "
        "before they travel on to other parts of the country.",
        [
            ("Portugal", "Lisbon", "the Tagus", "its yellow trams and tiled houses"),
            ("Hungary", "Budapest", "the Danube", "its thermal baths and bridges"),
            ("Egypt", "Cairo", "the Nile", "the museum and the pyramids nearby"),
            ("Austria", "Vienna", "the Danube", "its coffee houses and the opera"),
            ("Peru", "Lima", "the Pacific coast", "its cooking"),
            ("Finland", "Helsinki", "the Baltic Sea", "its design and saunas"),
        ],
    ),
    (
        "A customer writes: my {0} stopped working after {1}. What should I answer?",
        "Dear customer, we are sorry that your {0} stopped working after {1}. Please {2} and tell us what you see. If that "
        "does not help, {3}. We will get back to you within two working days.",
        [
            ("coffee grinder", "a week", "unplug it and clean the burrs", "send it to us at our expense"),
            ("phone charger", "a storm", "try it at another socket", "we will post you a new one today"),
            ("bicycle lamp", "heavy rain", "open the case and let it dry", "bring it to one of our shops"),
            ("hearing aid", "a battery change", "check that the plus sign faces up", "call our technician"),
            ("garden pump", "the winter", "fill it with water before you start it", "order the seal with number four"),
            ("bread oven", "the last update", "hold both buttons for ten seconds", "we will refund the price"),
        ],
    ),
]

# Problems that differ by their numbers alone: {0}, {1}, and the results {2} and {3}.
PROBLEMS: list[tuple[str, str]] = [
    (
        "A train travels {0} kilometres in {1} hours. What is its average speed?",
        "Speed is distance divided by time. The train covers {0} kilometres in {1} hours, so its average speed is {2} "
        "kilometres per hour.",
    ),
    (
        "Ana has {0} apples and gives {1} of them to her brother. How many apples are left?",
        "Ana starts with {0} apples. She gives {1} away, so we subtract: {0} - {1} = {3}. There are {3} apples left.",
    ),
    ("What is {0} + {1}?", "{0} + {1} = {2}"),
    (
        "A garden is {0} metres long and {1} metres wide. How long is the fence around it, and how large is the garden?",
        "The fence goes around all four sides, twice the length and twice the width: {2} metres. The area is length times "
        "width: {3} square metres. Remember that one is in metres and the other one in square metres.",
    ),
    (
        "A shop takes {0} percent off a coat that costs {1} euros. What do I pay?",
        "The discount is {2} euros. Take it from the price, and {3} euros remain to be paid.",
    ),
]
PROBLEM_NUMBERS = [(120, 3, 40, 117), (48, 6, 8, 42), (35, 5, 7, 30), (200, 8, 25, 192), (90, 15, 6, 75)]

# The same said twice in quite other words: what isn't to be found by words.
PARAPHRASES: list[tuple[tuple[str, str], tuple[str, str]]] = [
    (
        ("Why does bread rise?", "Yeast eats sugar and gives off gas, which is caught in the dough and blows it up."),
        ("What makes a loaf grow in volume?", "Carbon dioxide from fermentation inflates the elastic gluten network."),
    ),
    (
        ("How do I stop procrastinating?", "Start with a task so tiny that you cannot refuse, and set a timer."),
        ("What can I do when I keep putting things off?", "Pick the smallest possible beginning; work until the clock rings."),
    ),
    (
        ("What is a firewall?", "It is a filter that decides which network traffic may pass."),
        ("Explain the purpose of firewalls.", "They inspect packets and block connections that rules forbid."),
    ),
    (
        ("Why do leaves change colour?", "The green pigment breaks down in autumn and yellow ones become visible."),
        ("What turns trees red and gold each fall?", "Chlorophyll disappears, so carotenoids underneath show through."),
    ),
    (
        ("How can I sleep better?", "Go to bed at the same hour each night and keep the room dark and cool."),
        ("Any tips for a good night's rest?", "A regular schedule helps, as does a bedroom without light or heat."),
    ),
    (
        ("What is inflation?", "Prices rise on average, so that money buys less than before."),
        ("Why is a euro worth less every year?", "General price levels go up, which erodes purchasing power."),
    ),
    (
        ("How do I reset my router?", "Hold the small button at the back for ten seconds until all lamps blink."),
        ("My wireless box needs factory settings. What now?", "Press the recessed switch with a pin, and wait for flashing."),
    ),
    (
        ("What does recursion mean?", "A function that calls itself on a smaller part of the problem."),
        ("Describe self-referential procedures in programming.", "They invoke themselves with reduced input until trivial."),
    ),
    (
        ("Is coffee bad for the heart?", "For most healthy people a few cups a day do no harm."),
        ("Does caffeine hurt cardiovascular health?", "Moderate consumption appears safe among adults without conditions."),
    ),
    (
        ("How do I remove a red wine stain?", "Blot it, pour on sparkling water, and cover it with salt overnight."),
        ("Merlot got on the carpet, help!", "Dab up liquid first; soda plus table salt draws out remaining colour."),
    ),
]

# The same in another language: not to be found by words either.
TRANSLATIONS: list[tuple[tuple[str, str], tuple[str, str]]] = [
    (
        ("Why is the sea salty?", "Rivers wash minerals out of rocks, and only water evaporates again."),
        ("Warum ist das Meer salzig?", "Flüsse waschen Mineralien aus dem Gestein, und nur Wasser verdunstet wieder."),
    ),
    (
        ("How do bees make honey?", "They collect nectar, thicken it in the hive and close the cells with wax."),
        ("Comment les abeilles font-elles le miel ?", "Elles récoltent le nectar, l'épaississent et ferment les alvéoles."),
    ),
    (
        ("What is a noun?", "A noun is a word for a person, a thing or an idea."),
        ("¿Qué es un sustantivo?", "Un sustantivo es una palabra para una persona, una cosa o una idea."),
    ),
    (
        ("How high is Mount Fuji?", "It is 3,776 metres high and the highest mountain of Japan."),
        ("富士山の高さはどのくらいですか。", "富士山は標高3,776メートルで、日本で一番高い山です。"),
    ),
    (
        ("Where do penguins live?", "Penguins live in the south, most of them around Antarctica."),
        ("Где живут пингвины?", "Пингвины живут на юге, большинство из них вокруг Антарктиды."),
    ),
    (
        ("What is photosynthesis?", "Plants make sugar from water, air and light."),
        ("什么是光合作用？", "植物利用水、空气和光制造糖分。"),
    ),
]

# In scripts other than Latin: a text, the same with some words changed, and another one on the subject.
OTHER_SCRIPTS: list[tuple[tuple[str, str], tuple[str, str], tuple[str, str]]] = [
    (
        ("自転車のチェーンはどのくらいの頻度で掃除すればよいですか。",
         "雨の中を走った後は毎回、晴れた日だけなら二週間に一度で十分です。まず布で汚れを拭き取り、次に溶剤で洗い、乾いてから一滴ずつ油を差します。"),
        ("自転車のチェーンはどのくらいの頻度で掃除すればよいでしょうか。",
         "雨の中を走った後は毎回、晴れの日だけなら二週間に一度で十分です。まず布で汚れを拭き取り、次に溶剤で洗い、乾いてから一滴ずつ油を差してください。"),
        ("自転車のチェーンが伸びたかどうかは、どうすればわかりますか。",
         "専用の測定器を差し込むのが一番確実です。定規がある場合は、十二個分の長さを測り、基準より二ミリ以上長ければ交換の時期です。"),
    ),
    (
        ("怎样判断西红柿是否缺水？",
         "先看叶子：中午稍微下垂是正常的，如果清晨仍然下垂，就说明土壤太干。把手指插入土里两厘米，摸起来干燥时就应该在根部慢慢浇水，不要把叶子弄湿。"),
        ("如何判断西红柿是否缺水？",
         "先看叶子：中午稍微下垂是正常的，如果早上仍然下垂，就说明土壤太干。把手指插入土里两厘米，摸起来干燥时就应该在根部慢慢浇水，不要把叶子弄湿。"),
        ("西红柿什么时候应该施肥？",
         "第一朵花开放以后，每两周施一次钾含量较高的肥料。氮太多会让植株只长叶子不结果，所以移栽后的前几周最好不要施肥，只要保持土壤疏松就可以了。"),
    ),
    (
        ("كيف أحافظ على نضارة الخبز؟",
         "ضع الخبز في كيس من القماش في مكان جاف بعيدا عن الشمس، ولا تضعه في الثلاجة لأن البرودة تجعله يابسا بسرعة. إذا كانت الكمية كبيرة فقطعه إلى شرائح "
         "وجمدها ثم سخن ما تحتاج إليه فقط."),
        ("كيف أحافظ على نضارة الخبز في البيت؟",
         "ضع الخبز في كيس من القماش في مكان جاف بعيدا عن الضوء، ولا تضعه في الثلاجة لأن البرودة تجعله يابسا بسرعة. إذا كانت الكمية كبيرة فقطعه إلى شرائح "
         "وجمدها ثم سخن ما تحتاج إليه فقط."),
        ("لماذا لا يرتفع العجين؟",
         "غالبا تكون الخميرة قديمة أو الماء ساخنا جدا فيقتلها. جرب الخميرة في ماء دافئ مع قليل من السكر، فإذا ظهرت رغوة بعد عشر دقائق فهي صالحة. كذلك "
         "يحتاج العجين إلى مكان دافئ."),
    ),
    (
        ("วิธีดูแลจักรยานในหน้าฝนทำอย่างไร",
         "หลังจากปั่นกลางฝนให้ล้างด้วยน้ำสะอาด เช็ดโซ่ให้แห้ง แล้วหยอดน้ำมันทีละข้อ อย่าลืมตรวจผ้าเบรก เพราะทรายทำให้สึกเร็วกว่าปกติ"),
        ("วิธีดูแลจักรยานในช่วงหน้าฝนทำอย่างไร",
         "หลังจากปั่นกลางฝนให้ล้างด้วยน้ำสะอาด เช็ดโซ่ให้แห้งสนิท แล้วหยอดน้ำมันทีละข้อ อย่าลืมตรวจผ้าเบรก เพราะทรายทำให้สึกเร็วกว่าปกติ"),
        ("ควรสูบลมยางจักรยานเท่าไร",
         "ดูค่าที่พิมพ์ไว้ข้างยาง ผู้ที่มีน้ำหนักมากควรใช้ค่าใกล้สูงสุด ส่วนถนนขรุขระควรใช้ลมน้อยลงเพื่อให้นุ่มและเกาะถนน"),
    ),
    (
        ("बगीचे में खाद कैसे बनाएं?",
         "सूखे पत्ते और रसोई का हरा कचरा बारी बारी से परतों में डालें। हर सप्ताह ढेर को उलटें ताकि हवा अंदर जाए, और उसे नम रखें पर गीला नहीं। तीन महीने बाद खाद गहरे रंग की और मिट्टी "
         "जैसी गंध वाली हो जाती है।"),
        ("बगीचे में अच्छी खाद कैसे बनाएं?",
         "सूखे पत्ते और रसोई का हरा कचरा बारी बारी से परतों में डालें। हर हफ्ते ढेर को उलटें ताकि हवा अंदर जाए, और उसे नम रखें पर गीला नहीं। तीन महीने बाद खाद गहरे रंग की और मिट्टी "
         "जैसी गंध वाली हो जाती है।"),
        ("गमले में टमाटर कैसे उगाएं?",
         "कम से कम बीस लीटर का गमला लें जिसमें नीचे छेद हों। पौधे को दिन में छह घंटे धूप चाहिए। जब फूल आएं तो हल्के से हिलाएं ताकि पराग फैले, और रोज सुबह जड़ में पानी दें।"),
    ),
]  # fmt: skip

# Code: a task, its solution, and the name in it that may be another.
CODE: list[tuple[str, str, str, str]] = [
    (
        "Write a function that reverses the words of a sentence.",
        "```python\ndef reverse_words(sentence):\n    parts = sentence.split()\n    parts.reverse()\n    return ' '.join(parts)\n```\n"
        "It splits at white space, reverses the list in place and joins it again, so several spaces become one.",
        "parts",
        "tokens",
    ),
    (
        "How do I read a CSV file and sum one column in Python?",
        "```python\nimport csv\n\ntotal = 0.0\nwith open('sales.csv', newline='') as source:\n    for row in csv.DictReader(source):\n"
        "        total += float(row['amount'])\nprint(total)\n```\nDictReader takes the names of the columns from the first "
        "line, and newline='' leaves line breaks inside of quotes alone.",
        "source",
        "handle",
    ),
    (
        "Show me a binary search in JavaScript.",
        "```js\nfunction find(list, wanted) {\n  let low = 0, high = list.length - 1;\n  while (low <= high) {\n    const middle = "
        "(low + high) >> 1;\n    if (list[middle] === wanted) return middle;\n    if (list[middle] < wanted) low = middle + 1;\n"
        "    else high = middle - 1;\n  }\n  return -1;\n}\n```\nThe list must be sorted. Each step halves what is left, so a "
        "million elements take about twenty steps.",
        "wanted",
        "target",
    ),
    (
        "Which SQL query finds customers without any order?",
        "```sql\nSELECT c.name FROM customers c\nLEFT JOIN orders o ON o.customer_id = c.id\nWHERE o.id IS NULL\nORDER BY c.name;\n"
        "```\nThe left join keeps customers that match nothing; for them all columns of orders are NULL, and the filter "
        "keeps just these.",
        "name",
        "title",
    ),
]
