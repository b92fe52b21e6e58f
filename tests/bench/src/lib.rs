//! Measurements: the simulator beside its peers (`benches`), and the figures of the book
//! (`examples`). Nothing here is linked by a lab.
