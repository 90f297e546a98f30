// Package evm compares what internal/evm makes and takes with go-ethereum, ethers
// and viem. It is a module of its own, so that the product does not depend on
// go-ethereum, and pins the geth that other tests run.
package evm
