"""Pairs of posts for the duplicate guard, judged by a person: the same post dressed up, reworded, or another one."""

# ruff: noqa: E501, RUF001 - posts are as wide as they are, and a disguise is one of the cases

# The same post in other clothes: what X calls identical or substantially similar, and what must be caught.
VARIANTS = [
    ("Sourdough tip: let the loaf cool for an hour before you cut it.", "SOURDOUGH TIP: let the loaf cool for an hour before you cut it!!! 🍞"),
    ("New on the blog: how we mulch our raised beds https://example.com/1", "New on the blog: how we mulch our raised beds 👉 https://example.org/zz?utm=x"),
    ("The trail to the lake is open again. Take water, there is none on the way.", "The trail to the lake is open again! Take plenty of water, there is none on the way"),
    ("Feed your starter the night before and bake in the morning.", "@anna Feed your starter the night before, and bake in the morning 🙌"),
    ("Three things I wish I had known before my first long hike: shoes, shoes and shoes.", "3 things I wish I had known before my first long hike: shoes, shoes and shoes."),
    ("Compost needs air. Turn the heap once a week and it will not smell.", "Compost needs air: turn your heap once a week and it won't smell."),
    ("If your crust goes soft, bake ten minutes longer with the oven door ajar.", "If the crust goes soft, bake for ten minutes longer with the oven door ajar"),
    ("Tomatoes out of the greenhouse this weekend, the nights are warm enough now.", "The nights are warm enough now: tomatoes out of the greenhouse this weekend."),
    ("We walked 24 km along the ridge today and met nobody but two goats.", "Today we walked 24 km along the ridge and met nobody but two goats!"),
    ("A wet summer means slugs. Beer traps work, copper tape does not.", "A wet summer means slugs... Beer traps work; copper tape doesn't. #garden #slugs"),
    ("Rye bread keeps for a week. Wrap it in linen, never in plastic.", "Rye bread keeps for a week. Wrap it in linen, never plastic, and enjoy."),
    ("Weekend plan: prune the apple trees before the sap rises.", "Weekend plan: prune the аррlе trees before the sap rises."),
    ("Hydration matters: 75% is where a beginner's dough is still easy to shape.", "H\u200bydr\u200bation matters — 75% is where a beginner’s dough is still easy to shape."),
    ("Der Sauerteig ist fertig, wenn er sich verdoppelt hat.", "Der Sauerteig ist fertig, sobald er sich verdoppelt hat! 🥖"),
    ("今日のパンはよく焼けました。明日はライ麦に挑戦します。", "今日のパンはよく焼けました！明日はライ麦パンに挑戦します🍞"),
    ("周末去爬山，记得带够水和干粮，路上没有商店。", "周末去爬山，记得带够水和干粮，路上没有商店哦～"),
    ("الخبز الجيد يحتاج إلى وقت وصبر قبل كل شيء.", "الخُبز الجيد يحتاج إلى وقتٍ وصبرٍ قبل كل شيء 🍞"),
    ("ขนมปังที่ดีต้องใช้เวลาและความอดทน", "ขนมปังที่ดีต้องใช้เวลา และความอดทนนะ 😊"),
    ("Good morning!", "good morning ☀️☀️"),
    ("Осенью сажаем чеснок: глубина пять сантиметров, мульча из соломы.", "Осенью сажаем чеснок — глубина пять сантиметров, сверху мульча из соломы."),
]  # fmt: skip

# One thought in other words. A sketch of letters sees some of these; nothing is promised.
REWORDINGS = [
    ("Let your loaf cool for an hour before you cut into it.", "Wait an hour before cutting into your loaf so that it can cool."),
    ("Turn the compost heap once a week so that it gets air.", "Your compost heap gets air if you turn it once a week."),
    ("Take two litres of water for every half day on the trail.", "On the trail you need two litres of water for every half day."),
    ("Plant garlic in October and harvest it in July.", "Garlic planted in October can be harvested in July."),
    ("A sharp knife is safer than a blunt one, in the kitchen too.", "In the kitchen too, a blunt knife is more dangerous than a sharp one."),
]  # fmt: skip

# Other posts, many on the same subject or in the same mould: these may go out.
DISTINCT = [
    ("Sourdough tip: let the loaf cool for an hour before you cut it.", "Sourdough tip: feed the starter with rye when it is sluggish."),
    ("New on the blog: how we mulch our raised beds https://example.com/1", "New on the blog: which apples keep until spring https://example.com/2"),
    ("The trail to the lake is open again. Take water, there is none on the way.", "The hut by the lake is closed until May. Take a tent if you go."),
    ("Compost needs air. Turn the heap once a week and it will not smell.", "Compost needs green and brown: two parts leaves to one part kitchen scraps."),
    ("Tomatoes out of the greenhouse this weekend, the nights are warm enough now.", "Tomatoes want deep watering twice a week rather than a sip every day."),
    ("Rye bread keeps for a week. Wrap it in linen, never in plastic.", "Rye bread needs no kneading. Stir, wait, bake, and wait again."),
    ("Weekend plan: prune the apple trees before the sap rises.", "Weekend plan: up at five, on the ridge by eight, soup at the hut."),
    ("Hydration matters: 75% is where a beginner's dough is still easy to shape.", "Salt matters: two percent of the flour, weighed, not guessed."),
    ("Which bread do you bake most often? Rye, wheat or spelt?", "Which trail do you walk most often? Ridge, lake or forest?"),
    ("Good morning!", "Good night!"),
    ("gm", "gn"),
    ("今日のパンはよく焼けました。明日はライ麦に挑戦します。", "今日の山は雲の中でした。明日は海を見に行きます。"),
    ("周末去爬山，记得带够水和干粮，路上没有商店。", "周末做面包，记得提前一天喂酵母，第二天早上烤。"),
    ("الخبز الجيد يحتاج إلى وقت وصبر قبل كل شيء.", "الحديقة تحتاج إلى ماء في الصباح لا في المساء."),
    ("ขนมปังที่ดีต้องใช้เวลาและความอดทน", "วันนี้เดินป่าสิบกิโลเมตรและเจอฝน"),
    ("🍞🥖", "🥾⛰️"),
    ("Осенью сажаем чеснок: глубина пять сантиметров, мульча из соломы.", "Осенью собираем яблоки: в холодном подвале они лежат до марта."),
    ("Der Sauerteig ist fertig, wenn er sich verdoppelt hat.", "Der Kompost ist fertig, wenn er nach Waldboden riecht."),
]  # fmt: skip
