"""What a reader types is found, or refused with the nearest name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rejection import rejected

from theory.errors import DomainError
from theory.ledger import ALL_CLAIMS, QUESTIONS, TOPICS
from theory.selection import find_claim, find_claims, find_question, find_topic


def names_never_escape(find):
    """Whatever a reader types, the answer is a question or a ``DomainError``."""

    @given(st.text(max_size=12) | st.from_regex(r"[Qq]?[0-9]\.?[0-9]*", fullmatch=True))
    def check(name):
        try:
            find(name)
            message = ""
        except DomainError as error:
            message = str(error)
        except Exception as error:  # any other is a traceback for the reader
            raise AssertionError(error) from error
        assert "\n" not in message

    return check


def test_names_are_found_or_refused():
    names_never_escape(find_question)()
    names_never_escape(lambda name: find_claims([name]))()


def test_a_plain_look_up_is_rejected():
    with rejected():
        names_never_escape({question.id: question for question in QUESTIONS}.__getitem__)()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_is_found_by_number_id_and_name(question):
    for name in (str(question.number), question.id, question.id.lower(), question.name.upper()):
        assert find_question(name) is question


def test_claims_are_found_by_id_and_by_question():
    assert find_claims([]) == ALL_CLAIMS
    assert find_claims(["b9"]) == TOPICS[-1].claims
    assert [claim.id for claim in find_claims(["q2.3", "Q1.2"])] == ["Q1.2", "Q2.3"]
    assert find_claims(["momentum"]) == QUESTIONS[4].claims
    assert find_claims(["Q5", "Q5.1", "5"]) == QUESTIONS[4].claims


def test_a_topic_is_found_by_its_id_in_either_case():
    for topic in TOPICS:
        assert find_topic(topic.id) is find_topic(topic.id.lower()) is topic
        assert find_claims([topic.id.lower()]) == find_claims([topic.id]) == topic.claims


REFUSED = {
    (find_question, "xyz"): "no question 'xyz'; there are: Q1 symmetry, Q2 biases, Q3 selu, "
    "Q4 activations, Q5 momentum, Q6 sparsity, Q7 dropout",
    (find_question, "Momentun"): "no question 'Momentun', did you mean momentum?; there are: ",
    (find_question, "Q55"): "no question 'Q55', did you mean Q5?; there are: ",
    (find_topic, "B77"): "no topic 'B77'; the book's are: "
    + ", ".join(f"{topic.id} {topic.name}" for topic in TOPICS),
    (find_claim, "zzz"): "no claim 'zzz'; `theory show Q1` prints a question's",
    (find_claim, "Q1"): "no claim 'Q1', did you mean Q1.",
    (find_claim, "Q1.99"): "no claim 'Q1.99', did you mean Q1.",
    (find_claim, "q5.99"): "no claim 'q5.99', did you mean Q5.9?; `theory show Q1` prints a ",
}


@pytest.mark.parametrize(("find", "name"), REFUSED)
def test_a_refusal_names_the_nearest_and_what_there_is(find, name):
    with pytest.raises(DomainError) as refusal:
        find(name)
    assert str(refusal.value).startswith(REFUSED[find, name])
