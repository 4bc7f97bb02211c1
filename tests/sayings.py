"""Questions and answers in many languages, written for the tests of curation: code -> a question, an answer."""

# ruff: noqa: RUF001 - the letters of other scripts are meant

SAYINGS: dict[str, tuple[str, str]] = {
    "en": (
        "A ball falls from a height of 20 m. How long does it take, if the air is neglected?",
        "The height and the time belong together by a law that holds for every body. Solved for the time it gives two "
        "seconds, and the mass of the ball plays no part in it.",
    ),
    "de": (
        "Ein Ball fällt aus einer Höhe von 20 m. Wie lange dauert es, wenn man die Luft vernachlässigt?",
        "Höhe und Zeit hängen durch ein Gesetz zusammen, das für jeden Körper gilt. Nach der Zeit aufgelöst ergibt es "
        "zwei Sekunden, und die Masse des Balls spielt dabei keine Rolle.",
    ),
    "fr": (
        "Une balle tombe d'une hauteur de 20 m. Combien de temps met-elle, si l'on néglige l'air ?",
        "La hauteur et le temps sont liés par une loi qui vaut pour tous les corps. Résolue par rapport au temps, elle "
        "donne deux secondes, et la masse de la balle ne joue aucun rôle.",
    ),
    "es": (
        "Una pelota cae desde una altura de 20 m. ¿Cuánto tarda si no se tiene en cuenta el aire?",
        "La altura y el tiempo están unidos por una ley que vale para todos los cuerpos. Si se despeja el tiempo se "
        "obtienen dos segundos, y la masa de la pelota no influye en nada.",
    ),
    "it": (
        "Una palla cade da un'altezza di 20 m. Quanto tempo impiega, se si trascura l'aria?",
        "L'altezza e il tempo sono legati da una legge che vale per ogni corpo. Risolta rispetto al tempo dà due "
        "secondi, e la massa della palla non ha alcuna importanza.",
    ),
    "pt": (
        "Uma bola cai de uma altura de 20 m. Quanto tempo demora, se não se considerar o ar?",
        "A altura e o tempo estão ligados por uma lei que vale para todos os corpos. Resolvida em ordem ao tempo, dá "
        "dois segundos, e a massa da bola não tem nenhuma influência.",
    ),
    "nl": (
        "Een bal valt van een hoogte van 20 m. Hoe lang duurt dat, als de lucht wordt verwaarloosd?",
        "Hoogte en tijd hangen samen door een wet die voor elk lichaam geldt. Opgelost naar de tijd geeft ze twee "
        "seconden, en de massa van de bal speelt daarbij geen rol.",
    ),
    "sv": (
        "En boll faller från en höjd av 20 m. Hur lång tid tar det, om man bortser från luften?",
        "Höjden och tiden hänger ihop genom en lag som gäller för varje kropp. Löst för tiden ger den två sekunder, "
        "och bollens massa spelar ingen roll för svaret.",
    ),
    "pl": (
        "Piłka spada z wysokości 20 m. Jak długo to trwa, jeśli pominąć opór powietrza?",
        "Wysokość i czas są związane prawem, które obowiązuje dla każdego ciała. Po wyznaczeniu czasu otrzymujemy dwie "
        "sekundy, a masa piłki nie ma tu żadnego znaczenia.",
    ),
    "cs": (
        "Míč padá z výšky 20 m. Jak dlouho to trvá, pokud zanedbáme odpor vzduchu?",
        "Výška a čas spolu souvisejí zákonem, který platí pro každé těleso. Po vyjádření času dostaneme dvě sekundy a "
        "hmotnost míče přitom nehraje žádnou roli.",
    ),
    "ro": (
        "O minge cade de la o înălțime de 20 m. Cât timp durează, dacă se neglijează aerul?",
        "Înălțimea și timpul sunt legate printr-o lege care este valabilă pentru orice corp. Rezolvată după timp, ea dă "
        "două secunde, iar masa mingii nu are nicio importanță.",
    ),
    "hu": (
        "Egy labda 20 m magasból esik le. Mennyi ideig tart, ha a levegőt elhanyagoljuk?",
        "A magasságot és az időt olyan törvény köti össze, amely minden testre érvényes. Az időre megoldva két "
        "másodpercet kapunk, és a labda tömege ebben nem játszik szerepet.",
    ),
    "fi": (
        "Pallo putoaa 20 metrin korkeudesta. Kuinka kauan se kestää, jos ilmaa ei oteta huomioon?",
        "Korkeus ja aika liittyvät toisiinsa lailla, joka pätee kaikille kappaleille. Ajan suhteen ratkaistuna se antaa "
        "kaksi sekuntia, eikä pallon massalla ole siinä mitään merkitystä.",
    ),
    "tr": (
        "Bir top 20 m yükseklikten düşüyor. Hava ihmal edilirse bu ne kadar sürer?",
        "Yükseklik ile zaman, her cisim için geçerli olan bir yasayla birbirine bağlıdır. Zamana göre çözüldüğünde iki "
        "saniye bulunur ve topun kütlesi burada hiçbir rol oynamaz.",
    ),
    "vi": (
        "Một quả bóng rơi từ độ cao 20 m. Mất bao lâu nếu bỏ qua không khí?",
        "Độ cao và thời gian liên hệ với nhau bằng một định luật đúng cho mọi vật. Giải theo thời gian ta được hai "
        "giây, và khối lượng của quả bóng không có vai trò gì.",
    ),
    "id": (
        "Sebuah bola jatuh dari ketinggian 20 m. Berapa lama waktunya jika udara diabaikan?",
        "Ketinggian dan waktu dihubungkan oleh sebuah hukum yang berlaku untuk setiap benda. Jika diselesaikan untuk "
        "waktu, hasilnya dua detik, dan massa bola itu tidak berpengaruh sama sekali.",
    ),
    "ru": (
        "Мяч падает с высоты 20 м. Сколько времени это займёт, если пренебречь воздухом?",
        "Высота и время связаны законом, который верен для любого тела. Если выразить время, получится две секунды, и "
        "масса мяча не играет здесь никакой роли.",
    ),
    "uk": (
        "М'яч падає з висоти 20 м. Скільки часу це триватиме, якщо знехтувати повітрям?",
        "Висота і час пов'язані законом, який справджується для будь-якого тіла. Якщо виразити час, вийде дві секунди, "
        "і маса м'яча тут не відіграє жодної ролі.",
    ),
    "el": (
        "Μια μπάλα πέφτει από ύψος 20 μ. Πόση ώρα διαρκεί η πτώση, αν αγνοήσουμε τον αέρα;",
        "Το ύψος και ο χρόνος συνδέονται με έναν νόμο που ισχύει για κάθε σώμα. Αν λύσουμε ως προς τον χρόνο, βρίσκουμε "
        "δύο δευτερόλεπτα, και η μάζα της μπάλας δεν παίζει κανέναν ρόλο.",
    ),
    "ar": (
        "تسقط كرة من ارتفاع عشرين مترا. كم من الوقت يستغرق سقوطها إذا أهملنا مقاومة الهواء؟",
        "يرتبط الارتفاع والزمن بقانون يسري على كل جسم. وعند حله بالنسبة إلى الزمن نحصل على ثانيتين، ولا دور لكتلة الكرة "
        "في ذلك.",
    ),
    "fa": (
        "توپی از ارتفاع بیست متری می‌افتد. اگر مقاومت هوا را نادیده بگیریم چه مدت طول می‌کشد؟",
        "ارتفاع و زمان با قانونی به هم مربوط‌اند که برای هر جسمی درست است. اگر آن را برای زمان حل کنیم دو ثانیه به دست "
        "می‌آید و جرم توپ هیچ نقشی در آن ندارد.",
    ),
    "he": (
        "כדור נופל מגובה של עשרים מטרים. כמה זמן זה נמשך אם מזניחים את האוויר?",
        "הגובה והזמן קשורים זה לזה בחוק שנכון לכל גוף. אם פותרים אותו לפי הזמן מקבלים שתי שניות, ולמסה של הכדור אין בכך "
        "שום תפקיד.",
    ),
    "hi": (
        "एक गेंद बीस मीटर की ऊँचाई से गिरती है। यदि हवा को नगण्य माना जाए तो कितना समय लगेगा?",
        "ऊँचाई और समय एक ऐसे नियम से जुड़े हैं जो हर वस्तु पर लागू होता है। समय के लिए हल करने पर दो सेकंड मिलते हैं और गेंद "
        "के द्रव्यमान की इसमें कोई भूमिका नहीं है।",
    ),
    "bn": (
        "একটি বল বিশ মিটার উচ্চতা থেকে পড়ে। বাতাস উপেক্ষা করলে কত সময় লাগে?",
        "উচ্চতা ও সময় এমন একটি নিয়মে বাঁধা যা প্রতিটি বস্তুর জন্য সত্য। সময়ের জন্য সমাধান করলে দুই সেকেন্ড পাওয়া যায়, আর বলের "
        "ভরের এতে কোনো ভূমিকা নেই।",
    ),
    "ta": (
        "ஒரு பந்து இருபது மீட்டர் உயரத்திலிருந்து விழுகிறது. காற்றைப் புறக்கணித்தால் எவ்வளவு நேரம் ஆகும்?",
        "உயரமும் நேரமும் எல்லாப் பொருட்களுக்கும் பொருந்தும் ஒரு விதியால் இணைக்கப்பட்டுள்ளன. நேரத்திற்குத் தீர்த்தால் இரண்டு விநாடிகள் "
        "கிடைக்கும்; பந்தின் நிறைக்கு இதில் பங்கு இல்லை.",
    ),
    "th": (
        "ลูกบอลลูกหนึ่งตกจากความสูงยี่สิบเมตร ใช้เวลานานเท่าใดถ้าไม่คิดแรงต้านของอากาศ",
        "ความสูงกับเวลาเชื่อมโยงกันด้วยกฎที่ใช้ได้กับวัตถุทุกชนิด เมื่อแก้สมการหาเวลาจะได้สองวินาที และมวลของลูกบอลไม่มีผลใด ๆ เลย",
    ),
    "ko": (
        "공이 이십 미터 높이에서 떨어집니다. 공기의 저항을 무시하면 떨어지는 데 시간이 얼마나 걸립니까?",
        "높이와 시간은 모든 물체에 적용되는 하나의 법칙으로 연결되어 있습니다. 시간에 대해 풀면 이 초가 나오며 공의 질량은 아무런 "
        "역할을 하지 않습니다.",
    ),
    "ja": (
        "ボールが二十メートルの高さから落ちます。空気の抵抗を無視すると、落ちるまでにどれくらいの時間がかかりますか。",
        "高さと時間は、すべての物体に当てはまる法則によって結びついています。時間について解くと二秒になり、ボールの質量は結果に影響しません。",
    ),
    "zh": (
        "一个球从二十米的高处落下。如果忽略空气的阻力，它需要多长时间才能落到地面？请写出计算的过程。",
        "高度和时间由一条对所有物体都成立的定律联系在一起。对时间求解可以得到两秒，而球的质量在这里不起任何作用，空气的阻力也没有考虑。",
    ),
}
"""The same in 29 languages and eleven scripts."""
