#!/usr/bin/python3
"""Makes the tests' expected values anew: runs every make_corpus_*.py and make_golden_*.py beside it, or those of the rooms named.

usage: NODE_PATH=.../node_modules make_golden.py [room ...]
Development only; the tests never need it. What each script needs (Debian's python3-torch, python3-torchvision, python3-pil,
python3-sklearn, python3-onnx; npm's onnxruntime-node) stands at its top; real networks and photographs are found by
LC_SHARED, default ../shared.
"""
import glob, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
scripts = sorted(glob.glob(f'{here}/make_corpus_*.py')) + sorted(glob.glob(f'{here}/make_golden_*.py'))
for script in scripts:
    room = os.path.basename(script).rsplit('.', 1)[0].split('_')[-1]
    if not sys.argv[1:] or room in sys.argv[1:]:
        print(os.path.basename(script), flush=True)
        subprocess.run([sys.executable, script], check=True)
