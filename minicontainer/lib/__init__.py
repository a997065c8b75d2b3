"""Below the book: parts that one may take on trust, as one takes libc. Imports no step.

files         files.py (written whole, or not at all), directories.py, removal.py, paths.py,
              locks.py, unfinished.py (a download that goes on later), places.py (this user's)
archives      tar.py, pax.py, decompress.py
JSON          jsontext.py (quick), foreign_json.py (from strangers), shapes.py, config_schema.py,
              default_config.py
programs      elf.py, ldso.py (where the loader looks), architectures.py, users.py
the kernel    cgroups.py, capabilities.py, sysctls.py, mount_options.py, user_namespace.py,
              refusal.py (what to do where namespaces are forbidden)
processes     processes.py, channel.py, foreground.py, terminal.py, standard_files.py
HTTP          http.py, session.py, connections.py, retries.py, parallel.py, addresses.py, curl.py;
              http_errors.py, http_failures.py
logins        auth_json.py, credential_helper.py
for people    log.py, tables.py
"""
