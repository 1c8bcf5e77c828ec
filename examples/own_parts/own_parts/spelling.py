"""An item format of its own: words to spell, read from rows and scored by the share of letters that are right."""

from fractions import Fraction

import stillroom as st


class Spelling:
    """One row is ``{"word": "...", "sound": "..."}``; right is the word itself."""

    name = "spelling"
    suffixes = (".jsonl",)
    ways: tuple[st.Way, ...] = ("call",)

    def read(self, row: st.ItemRow) -> st.ReadItem:
        """Make an item of a row."""
        word = row.text("word")
        if not word.isalpha():
            raise st.RowInvalid(f"`word` must be letters alone, and is {word!r}")
        item = st.Item(format=self.name, question=f"Spell what sounds like {row.text('sound')}.", expected=word)
        return st.ReadItem(name=word, item=item, task_type=f"{len(word)} letters")

    def score(self, item: st.Item, given: st.ItemAnswer) -> st.Mark:
        """Compare letter by letter."""
        answer, word = st.last_tagged(given.text), item.expected
        right = sum(one == other for one, other in zip(answer, word, strict=False))
        soft = Fraction(right, max(len(answer), len(word)))
        return st.marked(hard=answer == word, soft=soft, answer=answer, reasons=(f"{right} letters are right",))


SPELLING = Spelling()
