"""The embedded PostgreSQL: found, built, kept running while someone uses it, and ended with the last one.

    supervisor   what a process of ours calls: come in, get an address, go
    keeper       a tiny process of its own that owns the server: restarts it when it crashes, stops it when nobody is left
    cluster      one data directory and its server: build, start, stop
    postmaster   what that server's file and process say: is it alive
    programs     where the server's programs are, and under which account they run
    locks        three file locks that say who is there
    words        what the operating system refuses, as a sentence

Who is there is told by file locks alone, because the kernel drops them however a process ends:

    run/door     held for the moment of coming or going, so that these happen one after another
    run/users    shared by everyone who uses the database; the keeper tries ten times a second to have it alone, and once
                 it has, nobody is left: it stops the server and ends. Whoever comes meanwhile waits for that, then starts anew
    run/keeper   held by the keeper as long as it lives; users look at it and start another keeper if it was killed

On Linux the kernel interrupts the server when its keeper dies, so that killing everything leaves nothing behind.
Elsewhere the next process to come or go adopts the server and stops it in the end.
"""
