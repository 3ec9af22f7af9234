"""Serves a GGUF file with llama.cpp's own HTTP server on loopback, from the PyPI wheel `xllamacpp`.

    pip install xllamacpp==2026.10.11549
    python3 benches/peers/llama-server.py --model PATH --threads 1 --port 8123

Prints the address once the socket is open; while the model loads, requests get status 503. Ends with its standard
input or by a signal. For measurements and tests on a developer's machine; continuous integration times nothing.
"""

import argparse
import os
import sys
import threading

import xllamacpp


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--until-eof", action="store_true", help="end when standard input is closed")
    args = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.n_ctx = args.context
    params.n_parallel = 1
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.use_jinja = True
    params.n_gpu_layers = 0
    if args.until_eof:
        # A parent that dies takes this server along, also while the model loads.
        def watch():
            sys.stdin.buffer.read()
            os._exit(0)

        threading.Thread(target=watch, daemon=True).start()
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
