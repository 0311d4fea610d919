//! Shell of the edge: sockets, threads, links and HTTP around the cores.
