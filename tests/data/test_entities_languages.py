"""Facts in other languages and scripts: what is told there, and what is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.entities import find_entities
from tunesmith.data.entities.language import tongue
from tunesmith.data.grounding import ungrounded


def missing(answer: str, source: str) -> list[str]:
    return [one.text for one in ungrounded(answer, source)]


UNCASED = [
    "这是一本书，讲的是一座小城和住在那里的人。",
    "これは小さな町とそこに住む人々についての本です。",
    "이것은 작은 마을과 그곳에 사는 사람들에 대한 책입니다.",
    "هذا كتاب عن مدينة صغيرة والناس الذين يعيشون فيها.",
    "זה ספר על עיר קטנה ועל האנשים שגרים בה.",
    "นี่คือหนังสือเกี่ยวกับเมืองเล็กๆ และผู้คนที่อาศัยอยู่ที่นั่น",
    "यह एक छोटे शहर और वहाँ रहने वाले लोगों के बारे में एक किताब है।",
    "ეს არის წიგნი პატარა ქალაქზე და იქ მცხოვრებ ადამიანებზე.",
    "இது ஒரு சிறிய நகரத்தைப் பற்றிய புத்தகம்.",
    "ይህ ስለ አንዲት ትንሽ ከተማ የሚናገር መጽሐፍ ነው።",
]


@pytest.mark.parametrize("text", UNCASED)
def test_a_script_without_case_tells_no_name(text: str) -> None:
    assert find_entities(text) == []


NO_NAMES = [
    ("german", "Ihre Bestellung ist unterwegs und kommt am Freitag mit der Post."),
    ("german", "Vielen Dank für Ihre Nachricht."),
    ("german", "Guten Tag, die Lieferung des Ersatzteils erfolgt nächste Woche."),
    ("german", "Bitte schicken Sie uns ein Foto der Rechnung und die Nummer des Geräts."),
    ("german", "Das Gerät war defekt; der Techniker hat den Akku und das Netzteil getauscht."),
    ("other", "Votre commande sera livrée demain. Merci beaucoup de votre patience."),
    ("other", "Bonjour, votre commande est bien arrivée."),
    ("other", "Su pedido llegará mañana. ¿Puede confirmar la dirección? ¡Gracias!"),
    ("other", "Il suo ordine è partito; Le scriveremo domani. Buona giornata."),
    ("other", "Uw bestelling komt morgen ten laatste om tien uur. Hartelijk dank."),
    ("other", "Zamówienie wysłano wczoraj. Czy może nam Pan podać numer?"),
    ("other", "Ваш заказ отправлен. Спасибо, что обратились к нам, мы Вам ответим."),
    ("other", "Η παραγγελία σας έφυγε χθες. Ευχαριστούμε πολύ."),
    ("other", "Siparişiniz dün yola çıktı. Teşekkür ederiz."),
    ("other", "Din beställning lämnade lagret i går. Tack för ditt meddelande."),
    ("other", "Tilauksenne lähetettiin eilen. Kiitos viestistänne."),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), NO_NAMES)
def test_sentences_of_another_language_have_no_names_but_its_names(language, text) -> None:
    assert tongue(text) == language
    assert [one for one in find_entities(text) if one.kind == "name"] == []


@pytest.mark.parametrize(
    ("answer", "source", "reported"),
    [
        ("Sehr geehrte Frau Weber, Ihr Paket ist unterwegs.", "Wo ist es? Anna Schmidt", ["Weber"]),
        ("Sehr geehrte Frau Schmidt, Ihr Paket ist unterwegs.", "Wo ist es? Anna Schmidt", []),
        ("Ihr WaterPro ist repariert und wird heute verschickt.", "Mein Filter tropft.", ["WaterPro"]),
        ("Bonjour Marie, votre colis est parti avec Chronopost.", "Marie Dupont", ["Chronopost"]),
        ("Hola Carlos, su pedido sale hoy desde Sevilla.", "Soy Carlos.", ["Sevilla"]),
        ("Спасибо за терпение, Мария, ответим скоро.", "где мой заказ", ["Мария"]),
        ("Мы позвонили Марии Петровой вчера.", "Мария Петрова, где мой заказ", []),
        ("Мы позвонили Ольге Петровой вчера.", "Мария Петрова, где мой заказ", ["Ольге Петровой"]),
        ("Siparişiniz dün Ankara'dan yola çıktı.", "Ankara şubesi, siparişim nerede?", []),
        ("Siparişiniz dün Ankara'dan yola çıktı.", "siparişim nerede?", ["Ankara'dan"]),
        ("Tilauksenne lähetettiin Tampereelle eilen.", "Asun kaupungissa Tampere.", []),
        ("Zamówienie czeka, Panie Nowak, w magazynie.", "Gdzie jest zamówienie?", ["Nowak"]),
        ("Η παραγγελία σας έφυγε χθες από την Αθήνα.", "πού είναι;", ["Αθήνα"]),
        ("您的iPhone已修好。", "my iPhone is broken", []),
    ],
)  # fmt: skip
def test_names_are_looked_up_where_letters_tell_them(answer, source, reported) -> None:
    assert missing(answer, source) == reported


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("Maria went to Beijing yesterday.", "Translate into English: 玛丽亚昨天去了北京。"),
        ("Мы позвонили Марии Петровой.", "Customer: Maria Petrova"),
        ("We called Maria Petrova.", "Клиент: Мария Петрова"),
        ("它在Berlin。", "它在柏林。"),
    ],
)
def test_a_name_may_be_spelt_in_another_script(answer: str, source: str) -> None:
    assert missing(answer, source) == []


def test_a_name_in_its_own_script_is_missed_beside_signs_that_are_no_letters() -> None:
    assert missing("We called Maria.", "Who was it? 😀 — “please”, µ, π") == ["Maria"]


@pytest.mark.parametrize(
    ("answer", "source", "reported"),
    [
        ("订单将在2024年3月5日送达，共3件，价格100元。", "你好", ["2024年3月5日", "3", "100"]),
        ("订单将在2024年3月5日送达，共3件。", "2024-03-05 发货，三件", []),
        ("订单将在3月6日送达。", "2024年3月5日", ["3月6日"]),
        ("订单将在3月5日送达。", "三月五日", []),
        ("会议在下午3点30分开始。", "会议 15:30", []),
        ("会议在下午4点30分开始。", "会议 15:30", ["下午4点30分"]),
        ("预算是3万元。", "预算30,000元", []),
        ("预算是4万元。", "预算30,000元", ["4万"]),
        ("一共25个。", "二十五个", []),
        ("一共26个。", "二十五个", ["26"]),
        ("订单TK-48214已发货。", "我的订单TK-48213在哪里？", ["TK-48214"]),
        ("订单TK-48213已发货。", "我的订单TK-48213在哪里？", []),
        ("请看https://a.example.com/x。谢谢", "你好", ["https://a.example.com/x"]),
        ("ご注文は3月5日に届きます。", "注文はどこですか", ["3月5日"]),
        ("会議は15時30分からです。", "会議は15:30から", []),
        ("３個届きます。", "3個注文しました", []),
        ("5日間かかります。", "四日", ["5"]),
        ("주문은 2024년 3월 5일에 도착합니다.", "주문이 어디 있나요?", ["2024년 3월 5일"]),
        ("주문은 3월 5일에 도착합니다.", "2024-03-05 도착 예정", []),
        ("회의는 오후 3시에 시작합니다.", "회의 15:00", []),
        ("تم شحن طلبك رقم ٤٨٢١٤", "طلبي رقم 48213", ["٤٨٢١٤"]),
        ("تم شحن طلبك رقم ٤٨٢١٣", "طلبي رقم 48213", []),
        ("الرمز TK-٤٨٢١٤", "TK-48213", ["TK-٤٨٢١٤"]),
        ("الرمز TK-٤٨٢١٣", "TK-48213", []),
        ("ההזמנה שלך תגיע ב-5 במרץ.", "איפה ההזמנה שלי?", ["5"]),
        ("ההזמנה שלך תגיע ב-5 במרץ.", "נשלח 2024-03-05", []),
        ("आपका ऑर्डर १५ मार्च को आएगा।", "मेरा ऑर्डर कहाँ है?", ["१५"]),
        ("สินค้าจะถึงวันที่ 5 มีนาคม", "สินค้าอยู่ที่ไหน", ["5"]),
        ("წიგნი 5 ლარი ღირს.", "რა ღირს წიგნი?", ["5"]),
        ("Ihre Rückzahlung von 54,00 € kommt in drei Tagen.", "45 Euro", ["54,00 €"]),
        ("Ihre Rückzahlung über 1.245,50 € ist da.", "1245,50 Euro", []),
        ("Ihr Termin ist am 14. März um 17:30 Uhr.", "Termin: 2024-03-14 17:30", []),
        ("Ihr Termin ist am 15. März um 17:30 Uhr.", "Termin: 2024-03-14 17:30", ["15"]),
        ("Votre rendez-vous est le 14 mars à 17h30.", "14/03/2024, 17:30", []),
        ("Siparişiniz 5 Mart 2024 tarihinde yola çıktı.", "2024-03-05 sipariş", []),
        ("Uw bestelling komt morgen ten laatste om tien uur.", "Waar is mijn bestelling?", []),
        ("Ваш заказ 48214 придёт завтра утром.", "Где мой заказ 48213?", ["48214"]),
        ("It is due on 14 March.", "Es ist fällig am 14. März.", []),
        ("It is due on 15 March.", "Es ist fällig am 14. März.", ["15 March"]),
    ],
)  # fmt: skip
def test_numbers_dates_and_codes_are_checked_in_every_language(answer, source, reported) -> None:
    assert missing(answer, source) == reported


ENGLISH = [
    "We have Bigelow, Yorkshire and Lipton.",
    "Maria Jones",
    "Hi Zephyra gazebo",
    "The total is 45.",
    "We have darjeeling, earl grey and ceylon black teas today.",
    "He's a monster and a liar, he admires dictators and monstrous dictators.",
    "Subject: Your Zephyra humidifier\n\nDear Maria,\n\nIn short: SO-3760, 26 January.",
]


@pytest.mark.parametrize("text", ENGLISH)
def test_english_is_told_with_few_words_too(text: str) -> None:
    assert tongue(text) == "english"


@given(st.text(max_size=60))
def test_any_text_supports_itself_and_keeps_its_offsets(text: str) -> None:
    assert ungrounded(text, text) == []
    for one in find_entities(text):
        assert one.text in text


@pytest.mark.timeout(60)  # a step that is not linear needs minutes for one of these
@pytest.mark.parametrize("unit", ["三", "3月", "字A", "٣", "3万", "年", "Я ", "é ", "下午3点"])
def test_repetitive_text_takes_linear_time(unit: str) -> None:
    text = unit * (60_000 // len(unit))
    find_entities(text)
    ungrounded("Maria, 14 March, 45", text)
