"""Eight threads that make, rename and remove files at the same time, each in a folder of its own."""
import os
import sys
import threading

rounds = int(sys.argv[1])
go = threading.Barrier(8)


def work(i):
    folder = f"/tmp/t{i}"
    go.wait()
    os.mkdir(folder)
    for j in range(4 * rounds):
        name, done = f"{folder}/f{j % 4}", f"{folder}/done{j % 4}"
        with open(name, "w") as f:
            f.write("x")
        os.rename(name, done)
        os.remove(done)


threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
