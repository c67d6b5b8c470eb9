"""What compare_memory.py, compare_labels.py, compare_sklearn.py and compare_stock.py share: the program, which is their first word, and a count
of what is off. With VERBOSE everything compared is printed. Wants numpy."""
import json, os, subprocess, sys
import numpy as np

missed = 0


def layercut(*words):
    subprocess.run([sys.argv[1], *map(str, words), '--quiet'], check=True, stdout=subprocess.DEVNULL)


def told(*words):
    """What it writes with --json."""
    layercut(*words, '--json', 'told.json')
    with open('told.json') as f:
        return json.load(f)


def check(what, off, most):
    global missed
    missed += not off <= most  # so that NaN is off
    if not off <= most or os.environ.get('VERBOSE'):
        print(f'{what}: {off:.1e}')


def check_decisions(what, ours, theirs, most, labels=()):
    """Decisions to `most` of their scale; of each pair of `labels` both are the same."""
    check(what + ', decisions', np.abs(ours - theirs).max() / np.abs(theirs).max(), most)
    for a, b in labels:
        check(what + ', labels that differ', (a != b).sum(), 0)


def verdict():
    """Ends the script: 1 when something was off."""
    sys.exit(missed > 0)
