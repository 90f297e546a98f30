package meaning_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/evm/typed"
	"github.com/oneclaw-dev/oneclaw/internal/intents/meaning"
)

// typedData is typed data of the types as EIP-712 writes them, for token on chain 1.
func typedData(t testing.TB, types, message string) *typed.Data {
	t.Helper()
	structs := map[string][]map[string]string{}
	primary := ""
	for part := range strings.SplitSeq(strings.TrimSuffix(types, ")"), ")") {
		name, fields, _ := strings.Cut(part, "(")
		if primary == "" {
			primary = name
		}
		for f := range strings.SplitSeq(fields, ",") {
			typ, field, _ := strings.Cut(f, " ")
			structs[name] = append(structs[name], map[string]string{"name": field, "type": typ})
		}
	}
	text, err := json.Marshal(map[string]any{
		"types": structs, "primaryType": primary, "message": json.RawMessage(message),
		"domain": map[string]any{"chainId": 1, "verifyingContract": token},
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := typed.Parse(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

func TestWhatSignaturesOfTypedDataAllow(t *testing.T) {
	names := strings.NewReplacer("BOB", `"`+bob.String()+`"`, "AGENT", `"`+agent.String()+`"`, "TOKEN", `"`+token.String()+`"`, "CONTRACT", `"`+contract.String()+`"`,
		"NOBODY", `"0x0000000000000000000000000000000000000000"`, "WORD", `"0x`+strings.Repeat("0", 64)+`"`, "ALL", `"0x`+strings.Repeat("f", 64)+`"`,
		"PAY", `"0x`+hex.EncodeToString(pay(5))+`"`, "EXECUTE", `"0x`+hex.EncodeToString(data("execute(address,uint256,bytes)", addr(token), num(0), raw(pay(5))))+`"`)
	const (
		details     = "PermitDetails(address token,uint160 amount,uint48 expiration,uint48 nonce)"
		permissions = "TokenPermissions(address token,uint256 amount)"
		moved       = "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
		safe        = "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)"
		oneInch     = "Order(uint256 salt,address maker,address receiver,address makerAsset,address takerAsset,uint256 makingAmount,uint256 takingAmount,uint256 makerTraits)"
		item        = `"itemType":1,"token":TOKEN,"identifierOrCriteria":0,"startAmount":5,"endAmount":6`
	)
	for name, tc := range map[string]struct{ types, message, want string }{
		"permit":           {"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)", `{"owner":AGENT,"spender":BOB,"value":5,"nonce":0,"deadline":1}`, "permit token bob 5"},
		"permit of all":    {"Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)", `{"owner":AGENT,"spender":BOB,"value":ALL,"nonce":0,"deadline":1}`, "permit token bob all"},
		"Dai's permit":     {"Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)", `{"holder":AGENT,"spender":BOB,"nonce":0,"expiry":0,"allowed":true}`, "permit token bob all"},
		"Dai's end of one": {"Permit(address holder,address spender,uint256 nonce,uint256 expiry,bool allowed)", `{"holder":AGENT,"spender":BOB,"nonce":0,"expiry":0,"allowed":false}`, ""},
		"another permit":   {"Permit(address owner,address spender,uint256 nonce,uint256 value,uint256 deadline)", `{"owner":AGENT,"spender":BOB,"value":5,"nonce":0,"deadline":1}`, "unknown token"},
		"Permit2":          {"PermitSingle(PermitDetails details,address spender,uint256 sigDeadline)" + details, `{"details":{"token":CONTRACT,"amount":5,"expiration":0,"nonce":0},"spender":BOB,"sigDeadline":0}`, "permit2 contract bob 5"},
		"Permit2, many": {"PermitBatch(PermitDetails[] details,address spender,uint256 sigDeadline)" + details,
			`{"details":[{"token":CONTRACT,"amount":5,"expiration":0,"nonce":0},{"token":TOKEN,"amount":"0x` + strings.Repeat("f", 40) + `","expiration":0,"nonce":0}],"spender":BOB,"sigDeadline":0}`, "permit2 contract bob 5, permit2 token bob all"},
		"Permit2, a transfer":   {"PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)" + permissions, `{"permitted":{"token":CONTRACT,"amount":5},"spender":BOB,"nonce":0,"deadline":0}`, "permit2 contract bob 5"},
		"Permit2, transfers":    {"PermitBatchTransferFrom(TokenPermissions[] permitted,address spender,uint256 nonce,uint256 deadline)" + permissions, `{"permitted":[{"token":CONTRACT,"amount":5}],"spender":BOB,"nonce":0,"deadline":0}`, "permit2 contract bob 5"},
		"Permit2, with witness": {"PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,W witness)" + permissions + "W(bool x)", `{"permitted":{"token":CONTRACT,"amount":5},"spender":BOB,"nonce":0,"deadline":0,"witness":{"x":true}}`, "permit2 contract bob 5"},
		"Permit2, with another struct": {"PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,W witness)TokenPermissions(uint256 amount)W(bool x)",
			`{"permitted":{"amount":5},"spender":BOB,"nonce":0,"deadline":0,"witness":{"x":true}}`, "unknown token"},
		"EIP-3009, transfer": {"TransferWithAuthorization" + moved, `{"from":AGENT,"to":BOB,"value":5,"validAfter":0,"validBefore":9,"nonce":WORD}`, "eip3009 token bob 5"},
		"EIP-3009, receive":  {"ReceiveWithAuthorization" + moved, `{"from":AGENT,"to":BOB,"value":5,"validAfter":0,"validBefore":9,"nonce":WORD}`, "eip3009 token bob 5"},
		"EIP-3009, cancel":   {"CancelAuthorization(address authorizer,bytes32 nonce)", `{"authorizer":AGENT,"nonce":WORD}`, ""},
		"Safe":               {safe, `{"to":CONTRACT,"value":7,"data":PAY,"operation":0,"safeTxGas":0,"baseGas":0,"gasPrice":1,"gasToken":TOKEN,"refundReceiver":BOB,"nonce":0}`, "transfer token bob 4294967296, native_value - contract 7, transfer contract bob 5"},
		"Safe, delegated":    {safe, `{"to":CONTRACT,"value":0,"data":PAY,"operation":1,"safeTxGas":0,"baseGas":0,"gasPrice":0,"gasToken":NOBODY,"refundReceiver":NOBODY,"nonce":0}`, "unknown contract, delegates"},
		"ERC-4337": {"PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,bytes32 accountGasLimits,uint256 preVerificationGas,bytes32 gasFees,bytes paymasterAndData)",
			`{"sender":AGENT,"nonce":0,"initCode":"0x","callData":EXECUTE,"accountGasLimits":WORD,"preVerificationGas":1,"gasFees":WORD,"paymasterAndData":"0x"}`, "transfer token bob 5"},
		"ERC-2771":           {"ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,bytes data)", `{"from":AGENT,"to":CONTRACT,"value":7,"gas":0,"nonce":0,"deadline":0,"data":PAY}`, "native_value - contract 7, transfer contract bob 5"},
		"1inch":              {oneInch, `{"salt":0,"maker":AGENT,"receiver":NOBODY,"makerAsset":CONTRACT,"takerAsset":TOKEN,"makingAmount":5,"takingAmount":1,"makerTraits":0}`, "order contract token 5"},
		"1inch, for another": {oneInch, `{"salt":0,"maker":AGENT,"receiver":BOB,"makerAsset":CONTRACT,"takerAsset":TOKEN,"makingAmount":5,"takingAmount":1,"makerTraits":0}`, "order contract token 5, order contract bob 0"},
		"CoW": {"Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,uint32 validTo,bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,string sellTokenBalance,string buyTokenBalance)",
			`{"sellToken":CONTRACT,"buyToken":TOKEN,"receiver":BOB,"sellAmount":5,"buyAmount":1,"validTo":0,"appData":WORD,"feeAmount":2,"kind":"sell","partiallyFillable":false,"sellTokenBalance":"erc20","buyTokenBalance":"erc20"}`, "order contract token 7, order contract bob 0"},
		"Seaport": {"OrderComponents(address offerer,address zone,OfferItem[] offer,ConsiderationItem[] consideration,uint8 orderType,uint256 startTime,uint256 endTime,bytes32 zoneHash,uint256 salt,bytes32 conduitKey,uint256 counter)" +
			"ConsiderationItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount,address recipient)OfferItem(uint8 itemType,address token,uint256 identifierOrCriteria,uint256 startAmount,uint256 endAmount)",
			`{"offerer":AGENT,"zone":NOBODY,"offer":[{` + item + `}],"consideration":[{` + item + `,"recipient":AGENT}],"orderType":0,"startTime":0,"endTime":0,"zoneHash":WORD,"salt":0,"conduitKey":WORD,"counter":0}`, "order token token 6"},
		"a login": {"Login(string text)", `{"text":"hello"}`, "unknown token"},
	} {
		m := meaning.ReadTyped(typedData(t, tc.types, names.Replace(tc.message)), nil)
		if got := show(&m); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if begin, _, _ := strings.Cut(tc.types, ")"); m.Function != begin+")" {
			t.Errorf("%s is read as %s", name, m.Function)
		}
	}
}
