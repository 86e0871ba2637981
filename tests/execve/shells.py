"""Which programs a traced process and its children started, and whether one of them was a shell.

Reads what `strace -f -e trace=execve,clone,clone3,fork,vfork -o FILE` wrote. Ends with 1 when there was a shell that has no
excuse. Only initdb has one: PostgreSQL's own program for a new cluster talks to itself through popen(), with command lines
that hold nothing but paths of the installation.
"""
import collections
import os
import re
import sys

SHELLS = {'sh', 'bash', 'dash', 'ash', 'zsh', 'ksh', 'csh', 'busybox'}
EXCUSED = {'initdb'}
LINE = re.compile(r'^(\d+) +(.*)$')
EXEC = re.compile(r'^execve\("((?:[^"\\]|\\.)*)", \[(.*?)\]')
BORN = re.compile(r'^(?:clone3?|fork|vfork)\(.*\) += (\d+)')
RESUMED = re.compile(r'^<\.\.\. (\w+) resumed>(.*)$')


def events(path):
    """(pid, text of a whole call), with the two halves of an interrupted one put together."""
    begun = {}
    with open(path, errors='replace') as file:
        for line in file:
            match = LINE.match(line.rstrip('\n'))
            if not match:
                continue
            pid, text = int(match[1]), match[2]
            if text.endswith('<unfinished ...>'):
                begun[pid] = text[:-len('<unfinished ...>')].rstrip()
                continue
            rest = RESUMED.match(text)
            if rest:
                text = begun.pop(pid, rest[1] + '(') + rest[2]
            yield pid, text
    yield from begun.items()


def is_shell(program):
    if os.path.basename(program) in SHELLS:
        return True
    try:
        with open(program, 'rb') as file:
            first = file.readline(200).decode(errors='replace')
    except OSError:
        return False
    words = first[2:].split() if first.startswith('#!') else []
    return any(os.path.basename(word) in SHELLS for word in words)


def main(path):
    parents, programs, started = {}, collections.defaultdict(list), []
    for pid, text in events(path):
        born = BORN.match(text)
        if born:
            parents[int(born[1])] = pid
        run = EXEC.match(text)
        if run and not text.endswith(('ENOENT (No such file or directory)', 'EACCES (Permission denied)')):
            programs[pid].append(run[1])
            started.append((pid, run[1], run[2]))

    def ancestry(pid):
        while pid is not None:
            yield from (os.path.basename(one) for one in programs[pid])
            pid = parents.get(pid)

    excused, bad = 0, []
    for pid, program, words in started:
        if not is_shell(program):
            continue
        if EXCUSED & set(ancestry(pid)):
            excused += 1
        else:
            bad.append(f'{" < ".join(ancestry(pid))}: {program} [{words}]')
    counts = collections.Counter(os.path.basename(program) for _, program, _ in started if not is_shell(program))
    print(', '.join(f'{name} {count}' for name, count in sorted(counts.items())) or 'nothing was started')
    print(f'{len(bad)} shells, and {excused} of initdb for itself')
    for line in bad:
        print(f'SHELL {line}')
    return 1 if bad or not started else 0


sys.exit(main(sys.argv[1]))
