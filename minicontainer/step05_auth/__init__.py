"""Step 5: who may pull? Where logins are kept, and how a registry gets to see them.

Read in this order:

keychain.py   which files hold logins, and which login is for which repository
auth_file.py  one such file, under names as we write them today
helper.py     logins that a program keeps (docker-credential-…)
authorize.py  the answer to a registry's challenge: what step 4 is given

Taken on trust: lib/auth_json.py, lib/credential_helper.py.
"""
