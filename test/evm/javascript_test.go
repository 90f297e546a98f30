package evm_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// vector is a line of test/npm/vectors.mjs.
type vector struct {
	Kind        string
	Key         string
	Account     string
	Ethers      hexutil.Bytes
	Viem        hexutil.Bytes
	Tx          jsTx
	Types       apitypes.Types
	Domain      map[string]any
	PrimaryType string
	Message     map[string]any
}

type jsTx struct {
	Type                   byte
	ChainID                uint64 `json:"chainId"`
	Nonce                  uint64
	Gas                    uint64 `json:",string"`
	Value, Price, Tip, Cap *uint256.Int
	Data                   hexutil.Bytes
	To                     *evm.Address
	Access                 []struct {
		Address     evm.Address
		StorageKeys []evm.Hash
	}
}

func (j *jsTx) tx() evm.Tx {
	t := evm.Tx{Type: j.Type, ChainID: j.ChainID, Nonce: j.Nonce, Gas: j.Gas, To: j.To, Value: *j.Value, Data: j.Data}
	if j.Type == evm.DynamicFee {
		t.FeeCap, t.TipCap = *j.Cap, *j.Tip
	} else {
		t.GasPrice = *j.Price
	}
	for _, a := range j.Access {
		t.Access = append(t.Access, evm.AccessTuple{Address: a.Address, Keys: a.StorageKeys})
	}
	return t
}

// vectors runs the script, which signs n times.
func vectors(t *testing.T, n string) (all []vector) {
	t.Helper()
	if _, err := os.Stat("../npm/node_modules/viem"); err != nil {
		t.Fatal("ethers and viem are not installed; `make test-deps` installs them")
	}
	cmd := exec.CommandContext(t.Context(), "node", "../npm/vectors.mjs", n)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("vectors.mjs: %v\n%s", err, stderr.Bytes())
	}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var v vector
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// TestSignaturesAreThoseOfEthersAndViem: both sign as RFC 6979 says, so that the
// bytes are the same. For typed data the hash is go-ethereum's.
func TestSignaturesAreThoseOfEthersAndViem(t *testing.T) {
	seen := map[string]int{}
	for _, v := range vectors(t, "100") {
		seen[v.Kind]++
		key, err := evm.ParseKey([]byte(v.Key))
		if err != nil {
			t.Fatal(err)
		}
		if key.Address().String() != v.Account {
			t.Errorf("the account is %s, theirs %s", key.Address(), v.Account)
		}
		if v.Kind == "typed" {
			v.signsTyped(t, key)
			continue
		}
		tx := v.Tx.tx()
		sig, err := key.Sign(tx.SigningHash())
		if err != nil {
			t.Fatal(err)
		}
		if raw, _ := tx.Encode(sig); !bytes.Equal(raw, v.Ethers) || !bytes.Equal(raw, v.Viem) {
			t.Errorf("type %d is\n%x, of ethers\n%s, of viem\n%s", tx.Type, raw, v.Ethers, v.Viem)
		}
	}
	if seen["transaction"] != 300 || seen["typed"] != 100 {
		t.Errorf("signed %v", seen)
	}
}

func (v *vector) signsTyped(t *testing.T, key evm.Key) {
	t.Helper()
	v.Types["EIP712Domain"] = []apitypes.Type{{Name: "name", Type: "string"}, {Name: "version", Type: "string"}, {Name: "chainId", Type: "uint256"}, {Name: "verifyingContract", Type: "address"}}
	if v.Domain["salt"] != nil {
		v.Types["EIP712Domain"] = append(v.Types["EIP712Domain"], apitypes.Type{Name: "salt", Type: "bytes32"})
	}
	text, err := json.Marshal(map[string]any{"types": v.Types, "domain": v.Domain, "primaryType": v.PrimaryType, "message": v.Message})
	if err != nil {
		t.Fatal(err)
	}
	var data apitypes.TypedData
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	h, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := key.Sign(evm.Hash(h))
	if err != nil {
		t.Fatal(err)
	}
	if b := sig.Bytes(); !bytes.Equal(b[:], v.Ethers) || !bytes.Equal(b[:], v.Viem) {
		t.Errorf("typed data is signed\n%x, by ethers\n%s, by viem\n%s", b, v.Ethers, v.Viem)
	}
}
