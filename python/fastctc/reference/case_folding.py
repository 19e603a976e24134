"""Twin of `cpp/src/base/case_folding.cpp`: upper and lower case that is told apart no more."""

__all__ = ["fold_case"]


def fold_case(text: str) -> str:
    """Simple case folding: a character's fold where that is one character, else its lower case, else itself."""
    folded = []
    for character in text:
        choices = [choice for choice in (character.casefold(), character.lower()) if len(choice) == 1]
        folded.append(choices[0] if choices else character)
    return "".join(folded)
