"""By what standard a claim is read: one for all seventy, printed at the head of the answers."""

STANDARD: tuple[str, ...] = (
    "Words count as they stand. One exception breaks “all”; “the purpose” means the only one.",
    "A claim is tried in the settings that its question is about, in favourable and in "
    "unfavourable ones. It is *true* if it holds in all of them and *false* if it holds in none. "
    "If it holds in some, it *depends*, and the condition is named.",
    "“Can”, “may” and “often” are tried in the same way. If something happens in one setting and "
    "never in another, the claim depends on the setting.",
    "One exception proves a “not always”.",
    "A definition is judged by its purpose.",
    "Advice and popularity are *not checkable*: no experiment could refute them.",
)
