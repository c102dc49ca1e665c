"""Plain questions that have nothing to do with any task, to hang an instruction on.

What is asked is not judged, only how it is answered. All text is the project's own.
"""

QUESTIONS = (
    "What do bees make?",
    "Name a fruit that is yellow.",
    "Why do people sleep at night?",
    "How do you boil an egg?",
    "What is rain?",
    "Which animals live in the sea?",
    "What can you see in the sky at night?",
    "What does a baker do?",
    "How do plants drink water?",
    "Tell me about the month of May.",
    "What is a bicycle good for?",
    "Which colours does a rainbow have?",
    "Why do we brush our teeth?",
    "What do you need to paint a wall?",
    "How does a candle work?",
    "What is the difference between a river and a lake?",
    "Name something that is made of wood.",
    "What happens to ice in the sun?",
    "Why do birds fly south in autumn?",
    "What is a library?",
)
