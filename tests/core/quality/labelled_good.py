"""Good samples of all kinds, among them those that resemble bad ones: a question, then an answer, in a language each."""

from __future__ import annotations

FENCE = "```"

# Question and answer in English.
ENGLISH: tuple[tuple[str, str], ...] = (
    ("What is the capital of Australia?", "Canberra"),
    ("How many spokes does a typical road wheel have?", "32"),
    ("Is a torque wrench needed for a carbon seatpost?", "Yes."),
    ("Which is heavier, lead or iron?", "Lead"),
    ("Give me a word that rhymes with 'light'.", "night"),
    ("What does HTTP status 404 mean?", "The server has no resource at that address."),
    ("Where can I read about the fetch standard?", "The specification is at https://fetch.spec.whatwg.org/"),
    ("What is 15 % of 80?", "15 % of 80 is 0.15 × 80 = 12"),
    ("How do I know whether my chain is worn?",
     "Use a chain checker. If its pin drops in at 0.75 %, replace the chain; at 1 % the cassette is probably worn too."),
    ("My rear wheel makes a clicking noise. What is it?",
     "I can't see your bike from here, but a click once per turn of the wheel usually comes from a loose spoke or a worn "
     "freehub bearing. Squeeze pairs of spokes: a slack one gives way. Then spin the wheel with the chain off and listen."),
    ("The handlebar came loose while I was riding, and I fell.",
     "I'm sorry to hear that, and I hope you weren't badly hurt. Don't ride the bike until the stem has been checked: loosen "
     "the faceplate, look for cracks, and tighten its bolts crosswise to the torque printed on it."),
    ("Can I have my money back after six weeks?",
     "I'm sorry, but we can't refund orders after 30 days. However, I can offer you store credit for the full amount, or an "
     "exchange. Which would you prefer?"),
    ("How do refusals of chatbots usually begin?",
     "Most begin with an apology, such as \"I'm sorry, but I can't help with that\", or with a statement about the speaker, "
     "like \"As an AI language model, I don't have opinions\". Filters for training data look for both."),
    ("Why do red teams look at refusals?",
     "A red team wants to know where a model says no and where it doesn't. They log each prompt, whether the reply was a "
     "refusal such as 'I cannot assist with that request', and how a rewording changed it. The share of unsafe answers is "
     "then compared between releases."),
    ("Are you a human or an AI?",
     "I'm an AI assistant, so I don't have a body or a childhood, but I'm glad to talk about either."),
    ("What does it mean that a language model hallucinates?",
     "It writes something fluent that isn't so. As a language model predicts likely words rather than checking facts, it may "
     "invent a source or a date. Asking for quotations from a given text, and checking them, helps."),
    ("What does an AI engineer do all day?",
     "As an AI engineer, you spend most of the day with data: collecting it, cleaning it and finding out why a model fails. "
     "Training itself is a small part."),
    ("How would a teacher start the first lesson?",
     "As a language teacher, I begin with names and greetings, and I can't stress enough how much a calm voice helps."),
    ("Describe the first time you saw the sea.",
     "I can't help but smile when I think of it. We came over the last dune, and there it was: grey, loud and larger than "
     "anything I had known."),
    ("Why can't I mix bleach and vinegar?",
     "Because the acid sets chlorine gas free, which burns eyes and lungs even in small amounts. If it has happened, leave the "
     "room, open the windows from outside if you can, and wait for half an hour before going in again."),
    ("Unfortunately my plant died. Can cut flowers be kept longer?",
     "Unfortunately, nothing keeps them for ever. A fresh cut, clean water every other day and a cool place at night will give "
     "you about a week more."),
    ("Write a short poem with a refrain about the rain.",
     "The rain came over the hill at noon,\nand home, said the rain, is far.\nIt drummed on the roof a restless tune,\nand home, "
     "said the rain, is far.\nIt filled the barrel, it filled the lane,\nand home, said the rain, is far.\nWe opened the door to "
     "the smell of rain,\nand home, said the rain, is here"),
    ("Write a villanelle of six lines or more about bread.",
     "The dough will rise if you will let it rest.\nThe oven waits, the night is long and warm.\nOf all the things I know, I know "
     "this best.\n\nThe baker folds and turns it without haste,\nand from her hands the loaf will take its form.\nThe dough will "
     "rise if you will let it rest.\n\nThe crumb, the crust, the morning's quiet guest:\nOf all the things I know, I know this "
     "best."),
    ("Give me the chorus of a song for children about a train.",
     "Choo choo, here we go,\nover the hill and down below,\nchoo choo, here we go,\nback again before the snow!"),
    ("Explain the French word 'dépaysement'.",
     "\"Dépaysement\" is the feeling of being away from home. A French friend might say « ce voyage m'a complètement dépaysé », "
     "which is meant as praise: everything was new."),
    ("Translate into German: The train leaves at nine and arrives in Cologne before noon.",
     "Der Zug fährt um neun Uhr ab und kommt noch vor zwölf Uhr mittags in Köln an."),
    ('How would you say "I have lost my suitcase and need help" in Spanish?',
     "He perdido mi maleta y necesito ayuda. Es una maleta negra con ruedas, y dentro están mi pasaporte y mis medicinas."),
    ("Translate to Japanese: The library is closed on Mondays.", "図書館は月曜日は休館しています。ほかの曜日は九時から開いています。"),
    ("What is the Russian for 'good morning', and how is it pronounced?",
     "It is «доброе утро», pronounced roughly DOB-ra-ye OO-tra."),
    ("Write a cover letter for a bakery.",
     "Dear [Name of the manager],\n\nI have baked since I was ten, and for three years in a hotel kitchen. Your sourdough is the "
     "best in town, and I would like to learn how you make it.\n\nKind regards,\n[Your name]"),
    ("Make me a template for an e-mail that cancels a meeting.",
     "Subject: Our meeting on [date]\n\nHello {{first_name}},\n\nsomething has come up, and I have to cancel our meeting. Would "
     "[another date] suit you?\n\nBest,\n[Your Name]"),
    ("How do I show a variable in a Jinja template?",
     "Put its name between double braces, as in {{ user.name }}; whatever is undefined is shown as nothing."),
    ("What is lorem ipsum?",
     'Dummy text that printers use to show a layout. It begins with "Lorem ipsum dolor sit amet" and goes back to a scrambled '
     "passage of Cicero."),
    ("How should a team handle TODO comments?",
     "A TODO with a name and a date is a promise; one without is noise. Some teams let the linter refuse a TODO that names no "
     "ticket, and look through the rest every quarter."),
    ("How do I clone a repository?",
     "Run git clone <your-repository-url> in the folder where you keep your projects, then change into the new folder."),
    ("What does `<answer>` mean in this XML?",
     "The element `<answer>` holds the text that is shown once a learner has tried the question."),
    ("How does the think tag work in reasoning models?",
     "The model writes its steps between `<think>` and `</think>`, and what follows is the answer. Most servers cut that part "
     "out and return it in a field of its own."),
    ("What marks does the ChatML format use?",
     "Each turn begins with <|im_start|> and the role, and ends with <|im_end|>. The template adds them, not you."),
    ("Show me the reply of an API that returns question and answer as JSON.",
     '{"question": "What is a leaf?", "answer": "A topic without subtopics."}'),
    ("Write a short dialogue between a user and an assistant about the weather.",
     "User: Will it rain today?\nAssistant: There is a shower around four, so take a coat."),
    ("Answer with one letter: which of A) iron, B) wood, C) glass is magnetic?", "A"),
    ("Is the sky blue because of scattering or because of reflection from the sea?", "Because of scattering."),
    ("Correct this sentence: he go to school every day and don't like it",
     "He goes to school every day and doesn't like it."),
    ("Repeat after me: the early bird catches the worm", "The early bird catches the worm."),
    ("Which of these is a mammal: the shark, the dolphin, the trout or the crocodile?", "The dolphin"),
    ("List the colours of the rainbow.", "- red\n- orange\n- yellow\n- green\n- blue\n- indigo\n- violet"),
    ("What do I need for a puncture?",
     "You need three things:\n\n1. tyre levers\n2. a patch kit or a new tube\n3. a pump\n\nA rag is useful too"),
    ("Compare coaster and disc brakes in a table.",
     "| | coaster | disc |\n|---|---|---|\n| care | hardly any | pads and bleeding |\n| wet weather | good | good |\n| weight | low "
     "| medium |"),
    ("How do I list all running containers?", "docker ps"),
    ("Show the formula for the area of a circle.", "$A = \\pi r^2$"),
    ("Sign the letter for me.", "Thank you for your patience. We will be in touch soon.\n\nBest regards,\nThe workshop team"),
    ("What should I pack for a day hike?",
     "Water, a snack, a map, a rain jacket and a charged phone. In the mountains add a warm layer and a headlamp, even in "
     "summer. Have fun out there 🙂"),
    ("Explain recursion briefly", "A function that calls itself on a smaller case, until a case is so small that it is known"),
    ("Who wrote Faust?", "Johann Wolfgang von Goethe wrote it; he worked on the two parts for some sixty years (1772–1832)"),
    ("Which e-mail address do I use in documentation?",
     "Use a name at example.com, such as jane@example.com, which is reserved for this and never delivers."),
    ("How do I set my OpenAI key?", "Run export OPENAI_API_KEY=sk-your-key-here-xxxxxxxxxxxxxxxx in the shell that starts the server."),
    ("Which card number works in the payment sandbox?", "4242 4242 4242 4242, with any date in the future and any three digits."),
    ("What does an AWS access key look like?", "Twenty characters that begin with AKIA, such as AKIAIOSFODNN7EXAMPLE."),
    ("What is an example of an IBAN?", "Germany's banks print DE89 3704 0044 0532 0130 00 as an example."),
    ("Which serial number is on the bottle dynamo?", "It reads 4929 1173 2210 0056, with the year 2019 before it."),
    ("What are the first digits of pi?", "3.14159265358979323846264338327950288, and so on for ever."),
    ("Count from one to twenty.", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20"),
    ("Give me ten lines of the multiplication table of seven.",
     "\n".join(f"7 times {number} is {7 * number}" for number in range(1, 11))),
    ("Make a plan of exercises for two weeks.",
     "\n".join(f"Week {week}, {day}: {task}" for week in (1, 2) for day, task in (
         ("Monday", "walk briskly for thirty minutes"), ("Tuesday", "rest and stretch"), ("Wednesday", "swim twenty lengths"),
         ("Thursday", "rest and stretch"), ("Friday", "cycle to work and back")))),
    ("How do I laugh in text?", 'Ha ha ha works everywhere; in Thai chats you will see 55555, since five is pronounced "ha".'),
    ("How do I write a loop in Python?",
     f"Use `for`:\n\n{FENCE}python\nfor number in range(3):\n    print(number)\n{FENCE}\n\nIt prints 0, 1 and 2."),
    ("How was printing done in Python 2?", f'As a statement:\n\n{FENCE}python\nprint "hello"\n{FENCE}\n\nIn Python 3 it is a function.'),
    ("What does an interactive session look like?",
     f"{FENCE}python\n>>> total = 0\n>>> for n in (1, 2):\n...     total += n\n...\n>>> total\n3\n{FENCE}"),
    ("How do I install pandas in a notebook?",
     f"{FENCE}python\n%pip install pandas\nimport pandas as pd\nfiles = !ls\npd.__version__\n{FENCE}\n\nRestart the kernel afterwards."),
    ("Show me a class with two methods in outline.",
     f"{FENCE}python\nclass Store:\n    def get(self, key):\n        ...\n\n    def put(self, key, value):\n        # to be written\n{FENCE}"),
    ("Which branch do I add to the if statement?",
     f"Add this before the else:\n\n{FENCE}python\nelif number < 0:\n    sign = -1\n{FENCE}"),
    ("Show the method alone.", f"{FENCE}python\n    def area(self):\n        return self.width * self.height\n{FENCE}"),
    ("Why do I get a SyntaxError?",
     f"The colon is missing:\n\n{FENCE}python\nif ready\n    go()\n{FENCE}\n\nWrite `if ready:` instead."),
    ("How do I match a digit with a regular expression?",
     f'{FENCE}python\nimport re\nre.findall("\\d+", "a1b22")\n{FENCE}\n\nBetter is a raw string.'),
    ("Show a package.json with a test script.",
     f'{FENCE}json\n{{"name": "demo", "scripts": {{"test": "node --test"}}}}\n{FENCE}'),
    ("Which setting turns on word wrap in VS Code?",
     f'Add one line to settings.json:\n\n{FENCE}json\n// in the outer braces\n"editor.wordWrap": "on",\n{FENCE}'),
    ("What do log lines in JSON look like?",
     f'One object a line:\n\n{FENCE}json\n{{"level": "info", "text": "started"}}\n{{"level": "warn", "text": "slow"}}\n{FENCE}'),
    ("Show the shape of the response, abridged.", f'{FENCE}json\n{{"items": [{{"id": 1}}, ...], "next": null}}\n{FENCE}'),
    ("How do two documents stand in one YAML file?",
     f"{FENCE}yaml\nname: one\n---\nname: two\nports:\n  - 80\n  - 443\n{FENCE}\n\nThree dashes part them."),
    ("Show a CloudFormation reference.", f"{FENCE}yaml\nResources:\n  Site:\n    Bucket: !Ref Content\n{FENCE}"),
    ("How do I use a value in a Helm chart?", f"{FENCE}yaml\nreplicas: {{{{ .Values.replicas }}}}\n{FENCE}"),
    ("How do I write a code block in Markdown?",
     f"Put three backticks around it:\n\n````markdown\n{FENCE}python\nprint(1)\n{FENCE}\n````\n\nThe word after the first ones names the "
     "language."),
    ("Select all users from Cologne.", f"{FENCE}sql\nSELECT name FROM users WHERE city = 'Köln' ORDER BY name;\n{FENCE}"),
    ("How do I start a new line in the shell?", f'{FENCE}bash\nfor f in *.txt; do echo "$f"; done\n{FENCE}'),
    ("What is a good first sentence for a cookbook?",
     '"You are holding the book that I wanted to have when I first stood in a kitchen of my own." It names the reader, and makes a '
     "promise."),
    ("What follows from being patient as a mechanic?",
     "A patient mechanic explains each step and why it matters, so the customer can do it alone next time."),
    ("What is the difference between 'affect' and 'effect'?",
     '"Affect" is nearly always a verb: the rain affects the brakes. "Effect" is nearly always a noun: the effect is a longer way '
     'to stop. The exception, "to effect a change", means to bring it about.'),
    ("Who are you in this role play? You are a pirate.", "Arr, I be Captain Redsocks, and I can't abide a dry cask! What brings ye aboard?"),
    ("My previous order was wrong.",
     "I apologize for the mix-up with your order. The right saddle has been sent today, and you can keep the other one."),
)  # fmt: skip

# Language, question and answer.
OTHERS: tuple[tuple[str, str, str], ...] = (
    ("de", "Wie flicke ich einen Schlauch?",
     "Nimm zuerst das Rad heraus und ziehe den Mantel auf einer Seite ab. Pumpe den Schlauch auf, suche das Loch, raue die Stelle "
     "an und klebe den Flicken auf. Nach fünf Minuten hält er."),
    ("de", "Warum quietscht meine Bremse?",
     "Von hier aus kann ich das leider nicht sehen, aber meist liegt es an Fett auf der Felge oder an verglasten Belägen. Reinige "
     "die Felge mit Spiritus und schleife die Beläge leicht an."),
    ("de", "Was heißt 'gemütlich' auf Englisch?", 'Am nächsten kommt "cosy"; "comfortable" betont eher die Bequemlichkeit.'),
    ("de", "Meine Kette ist gerissen.", "Es tut mir leid, dass das unterwegs passiert ist. Mit einem Kettennieter und einem Schloss "
     "ist sie in zehn Minuten wieder ganz."),
    ("de", "Wie heißt die Hauptstadt von Kanada?", "Ottawa"),
    ("fr", "Comment réparer une crevaison ?",
     "Démontez la roue, sortez la chambre à air et gonflez-la pour trouver le trou. Poncez autour, mettez de la colle, attendez deux "
     "minutes, puis posez la rustine et appuyez fort."),
    ("fr", "Quelle est la différence entre « actually » et « actuellement » ?",
     "Ce sont de faux amis : « actually » veut dire « en fait », alors que « actuellement » se traduit par « currently ». On entend "
     "souvent la faute dans les réunions."),
    ("fr", "Puis-je être remboursé après trente jours ?",
     "Je suis désolé, mais nous ne pouvons pas rembourser une commande après trente jours. Je peux en revanche vous proposer un avoir."),
    ("fr", "Combien font sept fois huit ?", "56"),
    ("es", "¿Cómo arreglo un pinchazo?",
     "Quita la rueda, saca la cámara y búscale el agujero con un poco de aire. Lija la zona, pon pegamento, espera dos minutos y "
     "coloca el parche con fuerza. Antes de montarla, revisa que no quede nada clavado en la cubierta."),
    ("es", "¿Por qué hace ruido la cadena?",
     "Lo más probable es que esté seca o gastada. Límpiala, engrásala eslabón por eslabón y mide el desgaste; si pasa del 0,75 %, "
     "cámbiala."),
    ("it", "Come si ripara una foratura?",
     "Togli la ruota, estrai la camera d'aria e gonfiala per trovare il buco. Carteggia la zona, metti il mastice, aspetta due minuti e "
     "premi bene la toppa. Prima di rimontare, controlla che nel copertone non ci sia niente."),
    ("pt", "Como conserto um pneu furado?",
     "Tire a roda, puxe a câmara para fora e encha um pouco para achar o furo. Lixe em volta, passe a cola, espere dois minutos e "
     "aperte bem o remendo. Antes de montar, veja se não ficou nada preso no pneu."),
    ("nl", "Hoe plak ik een lekke band?",
     "Haal het wiel eruit en trek de binnenband eruit. Pomp hem een beetje op, zoek het gat, schuur de plek en doe er lijm op. Wacht twee "
     "minuten en druk de plakker stevig aan."),
    ("pl", "Jak naprawić przebitą dętkę?",
     "Zdejmij koło i wyjmij dętkę. Napompuj ją trochę, żeby znaleźć dziurę, potem oczyść to miejsce i nałóż klej. Po dwóch minutach przyciśnij "
     "łatkę i poczekaj, aż klej będzie suchy."),
    ("cs", "Jak opravím píchlou duši?",
     "Sundej kolo a vytáhni duši. Trochu ji nafoukni, abys našel díru, potom místo zdrsni a nanes lepidlo. Po dvou minutách přitiskni záplatu "
     "a počkej, až bude držet."),
    ("sv", "Hur lagar jag en punktering?",
     "Ta av hjulet och dra ut slangen. Pumpa in lite luft för att hitta hålet, slipa runt det och lägg på lim. Vänta i två minuter och tryck "
     "sedan fast lappen ordentligt."),
    ("fi", "Miten paikkaan renkaan?",
     "Irrota pyörä ja vedä sisärengas ulos. Pumppaa siihen vähän ilmaa, jotta löydät reiän, ja hio kohta karheaksi. Levitä liima, odota kaksi "
     "minuuttia ja paina paikka kiinni."),
    ("hu", "Hogyan javítok meg egy defektet?",
     "Vedd le a kereket, és húzd ki a belsőt. Pumpáld fel egy kicsit, hogy megtaláld a lyukat, majd csiszold meg a helyét, és kend be ragasztóval. "
     "Két perc múlva nyomd rá a foltot."),
    ("tr", "Patlak lastiği nasıl onarırım?",
     "Önce tekerleği çıkar ve iç lastiği dışarı çek. Deliği bulmak için biraz hava bas, sonra çevresini zımparala ve yapıştırıcıyı sür. İki dakika "
     "bekle ve yamayı iyice bastır."),
    ("ro", "Cum repar o pană?",
     "Scoate roata și trage camera afară. Umfl-o puțin ca să găsești gaura, apoi curăță locul și pune soluția. Așteaptă două minute și apasă bine "
     "petecul. La final verifică anvelopa."),
    ("id", "Bagaimana cara menambal ban bocor?",
     "Lepaskan roda dan keluarkan ban dalam. Pompa sedikit untuk mencari lubangnya, lalu ampelas bagian itu dan oleskan lem. Tunggu dua menit, "
     "kemudian tekan tambalannya dengan kuat."),
    ("vi", "Làm sao để vá săm xe?",
     "Tháo bánh xe và kéo săm ra ngoài. Bơm một ít hơi để tìm lỗ thủng, sau đó chà nhám chỗ đó và bôi keo. Chờ hai phút rồi ấn miếng vá thật chặt."),
    ("ru", "Как заклеить камеру?",
     "Снимите колесо и вытащите камеру. Немного накачайте её, чтобы найти дыру, затем зачистите это место и нанесите клей. Через две минуты "
     "прижмите заплатку."),
    ("ru", "Почему скрипит цепь?", "Скорее всего, она сухая. Очистите её, смажьте каждое звено и вытрите лишнее масло."),
    ("uk", "Як заклеїти камеру?",
     "Зніміть колесо й витягніть камеру. Трохи накачайте її, щоб знайти дірку, потім зачистіть це місце і нанесіть клей. Через дві хвилини притисніть "
     "латку."),
    ("ja", "パンクはどう直しますか。",
     "まず車輪を外し、チューブを引き出します。少し空気を入れて穴を探し、その周りを紙やすりで軽くこすります。のりを塗って二分待ち、パッチを強く押しつけてください。"),
    ("ja", "返品はできますか。", "申し訳ありませんが、三十日を過ぎたご注文の返金は承っておりません。ただし、同じ金額の商品券をお出しできます。"),
    ("ja", "「木漏れ日」とは何ですか。", "木の葉のあいだから差しこむ日の光"),
    ("zh", "怎么补轮胎？", "先把车轮拆下来，拉出内胎。打一点气找到破洞，用砂纸把周围磨粗，涂上胶水，等两分钟，再把补片用力压紧。最后检查外胎里有没有异物。"),
    ("zh", "这辆车还有货吗？", "抱歉，这款车已经售完，下个月会再到货。您可以留下联系方式，到货后我们通知您。"),
    ("ko", "펑크는 어떻게 고치나요?",
     "먼저 바퀴를 빼고 튜브를 꺼냅니다. 공기를 조금 넣어 구멍을 찾은 다음 그 주위를 사포로 문지릅니다. 접착제를 바르고 이 분 뒤에 패치를 꾹 눌러 붙이세요."),
    ("ar", "كيف أصلح ثقب الإطار؟",
     "انزع العجلة أولا ثم أخرج الأنبوب الداخلي. انفخ فيه قليلا من الهواء حتى تجد الثقب، ثم نظف المكان وضع عليه اللاصق. انتظر دقيقتين واضغط الرقعة جيدا."),
    ("he", "איך מתקנים פנצ'ר?", "מורידים את הגלגל ומוציאים את הפנימית. מנפחים אותה מעט כדי למצוא את החור, משייפים סביבו ומורחים דבק. אחרי שתי דקות מצמידים את הטלאי."),
    ("el", "Πώς επισκευάζω ένα σκασμένο λάστιχο;",
     "Βγάλε τον τροχό και τράβηξε έξω τη σαμπρέλα. Φούσκωσέ την λίγο για να βρεις την τρύπα, τρίψε γύρω της και βάλε κόλλα. Μετά από δύο λεπτά πίεσε το μπάλωμα."),
    ("th", "ปะยางอย่างไร", "ถอดล้อออกก่อน แล้วดึงยางในออกมา สูบลมเล็กน้อยเพื่อหารู จากนั้นขัดรอบรูแล้วทากาว รอสองนาทีแล้วกดแผ่นปะให้แน่น"),
    ("hi", "पंचर कैसे ठीक करें?", "पहले पहिया निकालें और ट्यूब को बाहर खींचें। थोड़ी हवा भरकर छेद खोजें, फिर उस जगह को घिसें और गोंद लगाएँ। दो मिनट बाद पैच को ज़ोर से दबाएँ।"),
)  # fmt: skip

# Sentences about one thing each, of which longer answers are made.
SENTENCES = """Clean the rim with a rag before you look at the pads.
Tighten the bolts crosswise, a quarter turn at a time.
Most riders change the chain too late and the cassette too early.
If the cable is frayed at the end, replace it before it breaks.
A drop of oil on each link is enough; wipe off the rest.
Keep grease away from the brake disc, since it can't be removed from the pads.
The bearing should turn without play and without a rough feel.
Write down the length of the seatpost before you take it out.
On older frames the thread of the left pedal runs the other way.
Check the pressure once a week, as tubes lose air even without a hole.
Light shops sell the small screws by weight, and good ones give them away.
When the gear jumps, turn the barrel adjuster by half a turn and try again.
Salt in winter eats aluminium as well as steel.
A wheel is true if it moves less than half a millimetre to either side.
For longer tours take two spare spokes of each length along.
It is easier to fit a tyre by hand if the bead lies in the middle of the rim.
Don't throw old tubes away: strips of them tie down nearly everything.
The saddle should be level, or its nose a trace lower.
A creak under load often comes from the seatpost and not from the crank.
Loctite on the rack's bolts saves looking for them on the road.""".splitlines()
