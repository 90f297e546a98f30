// Signs random transactions and typed data with ethers and viem, and prints one
// JSON object a line: what was signed, and what came out. Usage: node vectors.mjs N
import { randomBytes, randomInt } from "node:crypto";
import { Wallet, Transaction } from "ethers";
import { privateKeyToAccount } from "viem/accounts";

const hex = (n) => "0x" + randomBytes(n).toString("hex");
const number = (bytes) => BigInt("0x00" + randomBytes(randomInt(bytes + 1)).toString("hex"));
const pick = (list) => list[randomInt(list.length)];

function transaction(type) {
	const tx = {
		type,
		chainId: 1 + randomInt(1, 2 ** 32),
		nonce: randomInt(2 ** 32),
		gas: number(6),
		value: number(32),
		data: hex(pick([0, 1, 4, 36, 55, 56, 68, 300])),
		to: pick([hex(20), hex(20), hex(20), null]),
	};
	if (type === 2) {
		tx.tip = number(8);
		tx.cap = tx.tip + number(8);
	} else {
		tx.price = number(8);
	}
	if (type !== 0) {
		tx.access = Array.from({ length: randomInt(3) }, () => ({ address: hex(20), storageKeys: Array.from({ length: randomInt(3) }, () => hex(32)) }));
	}
	return tx;
}

async function byEthers(key, tx) {
	const fees = tx.type === 2 ? { maxFeePerGas: tx.cap, maxPriorityFeePerGas: tx.tip } : { gasPrice: tx.price };
	const list = tx.type === 0 ? {} : { accessList: tx.access };
	const { type, chainId, nonce, value, data, to } = tx;
	const t = Transaction.from({ type, chainId, nonce, gasLimit: tx.gas, value, data, to, ...fees, ...list });
	t.signature = new Wallet(key).signingKey.sign(t.unsignedHash);
	return t.serialized;
}

async function byViem(key, tx) {
	const fees = tx.type === 2 ? { maxFeePerGas: tx.cap, maxPriorityFeePerGas: tx.tip } : { gasPrice: tx.price };
	const list = tx.type === 0 ? {} : { accessList: tx.access };
	const { chainId, nonce, gas, value, data } = tx;
	const to = tx.to === null ? undefined : tx.to;
	return privateKeyToAccount(key).signTransaction({ type: ["legacy", "eip2930", "eip1559"][tx.type], chainId, nonce, gas, value, data, to, ...fees, ...list });
}

const types = {
	Person: [{ name: "name", type: "string" }, { name: "wallet", type: "address" }],
	Order: [
		{ name: "from", type: "Person" }, { name: "to", type: "Person[]" }, { name: "amount", type: "uint256" }, { name: "change", type: "int64" },
		{ name: "urgent", type: "bool" }, { name: "note", type: "bytes" }, { name: "tag", type: "bytes4" }, { name: "pair", type: "uint8[2]" },
	],
};

function typed() {
	const person = () => ({ name: hex(randomInt(40)), wallet: hex(20) });
	return {
		domain: { name: "test", version: "1", chainId: randomInt(1, 2 ** 32), verifyingContract: hex(20), ...(randomInt(2) ? { salt: hex(32) } : {}) },
		primaryType: "Order",
		message: {
			from: person(), to: Array.from({ length: randomInt(4) }, person), amount: number(32), change: BigInt(randomInt(2 ** 40)) - 2n ** 39n,
			urgent: randomInt(2) === 1, note: hex(randomInt(80)), tag: hex(4), pair: [randomInt(256), randomInt(256)],
		},
	};
}

const print = (v) => process.stdout.write(JSON.stringify(v, (_, x) => (typeof x === "bigint" ? x.toString() : x)) + "\n");

for (let i = 0; i < Number(process.argv[2]); i++) {
	const key = hex(32);
	const account = new Wallet(key).address;
	for (const type of [0, 1, 2]) {
		const tx = transaction(type);
		print({ kind: "transaction", key, account, tx, ethers: await byEthers(key, tx), viem: await byViem(key, tx) });
	}
	const { domain, primaryType, message } = typed();
	print({
		kind: "typed", key, account, types, domain, primaryType, message,
		ethers: await new Wallet(key).signTypedData(domain, types, message),
		viem: await privateKeyToAccount(key).signTypedData({ domain, types, primaryType, message }),
	});
}
