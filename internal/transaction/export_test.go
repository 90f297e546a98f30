package transaction

// Slowest is how rarely a transaction is looked at in the end.
const Slowest = slowest
