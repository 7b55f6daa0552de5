"""What the production guide's text_ml does, with a small phrase book in the place of its models."""

from ray import serve

BOOKS = {
    "french": {"it was the": "c'était le", "best of times": "meilleur des temps", "worst of times": "pire des temps"},
    "german": {"it was the": "es war die", "best of times": "beste Zeit", "worst of times": "schlimmste Zeit"},
    "romanian": {"it was the": "a fost", "best of times": "cea mai bună vreme", "worst of times": "cea mai rea vreme"},
}


@serve.deployment
class Translator:
    def __init__(self):
        self.language = "french"

    def reconfigure(self, config):
        language = config.get("language", "french").lower()
        if language in BOOKS:
            self.language = language

    def translate(self, text):
        return ", ".join(self.translate_words(clause.lower().split()) for clause in text.split(", "))

    def translate_words(self, words):
        book, translated = BOOKS[self.language], []
        while words:
            lengths = [length for length in range(len(words), 0, -1) if " ".join(words[:length]) in book]
            length = lengths[0] if lengths else 1
            phrase = " ".join(words[:length])
            translated.append(book.get(phrase, phrase))
            words = words[length:]
        return " ".join(translated)


@serve.deployment
class Summarizer:
    def __init__(self, translator):
        self.translator = translator
        self.reconfigure({})

    def reconfigure(self, config):
        self.min_length = config.get("min_length", 5)
        self.max_length = config.get("max_length", 15)

    def summary(self, text):
        clauses, length = [], 0
        for clause in text.split(", "):
            length += len(clause.split())
            if length > self.max_length:
                break
            clauses.append(clause)
        summary = ", ".join(clauses)
        return summary if len(summary.split()) >= self.min_length else " ".join(text.split()[: self.max_length])

    async def __call__(self, request):
        return await self.translator.translate.remote(self.summary(await request.json()))


app = Summarizer.bind(Translator.bind())
