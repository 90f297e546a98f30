// Package evm has the values of Ethereum and of the chains like it: accounts,
// hashes, amounts, transactions, signatures and private keys.
//
// Its promises: what it parses has exactly one spelling (strict RLP, EIP-55,
// exact decimals), so that two texts never stand for one thing; a private key
// does not print; and nothing here asks a network, a clock or a disk. What it
// encodes is compared with go-ethereum, ethers and viem in test/evm.
package evm
