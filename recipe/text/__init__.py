"""Text before people or other programs see it, for all rooms; it imports none, and nothing but Python's own library.

visible.py       control and invisible characters, by name
secret.py        secrets, found and masked, by the names and forms of secret_forms.py
command_line.py  a command's parser, with examples in its help, and how it ends
"""
