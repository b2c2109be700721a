"""How far one plain dense network of 20 x 100 goes: a recipe, its teacher, what each part adds."""
