"""Files of answers: one student's, and the same for a class in two layouts."""

YAML = "Q1.1: true\nQ1.4: t\nmine = Q5.5: false\nQ5.6:\n"
BY_STUDENT = "student,Q1.1,Q1.4,mine = Q5.5,Q5.6\nAda,true,t,false,\nBo,f,f,f,not checkable\n"
BY_CLAIM = "claim;statement;Ada;Bo\nQ1.1;x;true;f\nQ1.4;;t;f\nmine = Q5.5;;false;f\nq5.6;;;n\n"


def file(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
