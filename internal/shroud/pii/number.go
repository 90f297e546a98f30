package pii

// number looks at what begins with the digits here.
func (f *finder) number(i int) {
	s := f.text
	before := char(s, i-1)
	if isLetter(before) {
		f.iban(i)
		return
	}
	if before == '_' {
		return
	}
	f.ipv4(i)
	f.ssn(i)
	f.card(i)
	f.phone(i)
}

// joined says whether a number that begins or ends here is part of a longer name or number.
func joined(c, next byte) bool {
	return isWord(c) || (c == '.' || c == '-' || c == ',') && isDigit(next)
}

// ssn finds a social security number, written in one piece only where it is called so.
func (f *finder) ssn(i int) {
	s := f.text
	if before := char(s, i-1); joined(before, char(s, i-2)) || before == '-' {
		return
	}
	run := digits(s, i)
	var end int
	switch gap := char(s, i+3); {
	case run == 3 && (gap == '-' || gap == ' ') && digits(s, i+4) == 2 && char(s, i+6) == gap && digits(s, i+7) == 4:
		end = i + 11
		if gap == ' ' && !ssnTold(s, i) {
			return
		}
	case run == 9 && ssnTold(s, i):
		end = i + 9
	default:
		return
	}
	if after := char(s, end); joined(after, char(s, end+1)) || after == '-' {
		return
	}
	var d [9]byte
	bare(d[:], s[i:end])
	area := string(d[:3])
	if area == "000" || area == "666" || d[0] == '9' || string(d[3:5]) == "00" || string(d[5:]) == "0000" {
		return
	}
	f.add(i, end, SSN)
}

func ssnTold(s string, i int) bool {
	return told(s, i, nearWords, "ssn", "ssns", "social", "ss")
}

// digits is how many digits stand at a place, 20 at most.
func digits(s string, i int) int {
	n := 0
	for n < 20 && isDigit(char(s, i+n)) {
		n++
	}
	return n
}

// bare copies the digits of a number.
func bare(to []byte, s string) int {
	n := 0
	for i := 0; i < len(s) && n < len(to); i++ {
		if isDigit(s[i]) {
			to[n] = s[i]
			n++
		}
	}
	return n
}

// card finds the number of a payment card: in one piece, or in the groups that
// are printed on it.
func (f *finder) card(i int) {
	s := f.text
	if s[i] == '0' || s[i] == '7' || joined(char(s, i-1), char(s, i-2)) {
		return
	}
	end := i
	switch run := digits(s, i); run {
	case 12, 13, 14, 15, 16, 17, 18, 19:
		end += run
	case 4:
		gap := char(s, i+4)
		if gap != ' ' && gap != '-' || gap == '-' && char(s, i-1) == '-' {
			return
		}
		second := digits(s, i+5)
		switch {
		case second == 4 && char(s, i+9) == gap && digits(s, i+10) == 4 && char(s, i+14) == gap:
			last := digits(s, i+15)
			if last != 4 && last != 1 {
				return
			}
			end = i + 15 + last
			if last == 4 && char(s, end) == gap && digits(s, end+1) == 3 {
				var d [19]byte
				if bare(d[:], s[i:end+4]) == 19 && issuer(string(d[:])) && luhn(d[:]) {
					end += 4
				}
			}
		case second == 6 && char(s, i+11) == gap && (digits(s, i+12) == 5 || digits(s, i+12) == 4):
			end = i + 12 + digits(s, i+12)
		default:
			return
		}
	default:
		return
	}
	if joined(char(s, end), char(s, end+1)) {
		return
	}
	var d [19]byte
	n := bare(d[:], s[i:end])
	if !luhn(d[:n]) || !issuer(string(d[:n])) {
		return
	}
	if usual := n == 16 || n == 15 && d[0] == '3' || n == 14 && d[0] == '3'; !usual && !told(s, i, nearWords, "card", "cards", "credit", "debit", "visa", "mastercard", "maestro", "amex", "jcb", "unionpay", "pan", "cc") {
		return
	}
	f.add(i, end, Card)
}

func luhn(d []byte) bool {
	sum, same := 0, true
	for i, c := range d {
		n := int(c - '0')
		if (len(d)-i)%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
		same = same && c == d[0]
	}
	return sum%10 == 0 && !same
}

// issuer says whether somebody issues cards with such a number.
func issuer(d string) bool {
	in := func(low, high string) bool { return d[:len(low)] >= low && d[:len(high)] <= high }
	n := len(d)
	switch {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case in("51", "55"), in("2221", "2720"):
		return n == 16
	case in("34", "34"), in("37", "37"):
		return n == 15
	case in("300", "305"), in("3095", "3095"), in("36", "36"), in("38", "39"):
		return n == 14 || n == 16 || n == 19
	case in("3528", "3589"):
		return n >= 16
	case in("1800", "1800"), in("2131", "2131"):
		return n == 15
	case in("6011", "6011"), in("644", "649"), in("65", "65"), in("62", "62"), in("60", "60"), in("81", "82"):
		return n >= 16
	case in("2200", "2204"):
		return n >= 16
	case in("50", "50"), in("56", "58"), in("63", "63"), in("67", "67"):
		return n >= 12
	}
	return false
}

// iban finds the number of a bank account whose check digits are here.
func (f *finder) iban(i int) {
	s := f.text
	start := i - 2
	if start < 0 || !isLetter(s[start]) || isWord(char(s, start-1)) || digits(s, i) < 2 {
		return
	}
	want := ibanSize(upper(s[start]), upper(s[start+1]))
	if want == 0 {
		return
	}
	var a [34]byte
	n, end := 0, start
	for n < want {
		c := char(s, end)
		switch {
		case isDigit(c) || isLetter(c):
			a[n] = upper(c)
			n++
		case (c == ' ' || c == '-') && n%4 == 0 && n > 0 && isWord(char(s, end+1)):
		default:
			return
		}
		end++
	}
	if isWord(char(s, end)) || char(s, end) == '-' && isWord(char(s, end+1)) {
		return
	}
	rest := 0
	for k := range want {
		c := a[(k+4)%want]
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	if rest == 1 {
		f.add(start, end, IBAN)
	}
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// ibanSize is how long the numbers of a country are, from the registry of SWIFT.
func ibanSize(a, b byte) int {
	switch string([]byte{a, b}) {
	case "NO":
		return 15
	case "BE":
		return 16
	case "DK", "FI", "FK", "FO", "GL", "NL", "SD":
		return 18
	case "MK", "SI":
		return 19
	case "AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK":
		return 20
	case "CH", "HR", "LI", "LV":
		return 21
	case "BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA":
		return 22
	case "AE", "GI", "IL", "IQ", "OM", "SO", "TL":
		return 23
	case "AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG":
		return 24
	case "LY", "PT", "ST":
		return 25
	case "IS", "TR":
		return 26
	case "BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM":
		return 27
	case "AL", "AZ", "BY", "CY", "DO", "GT", "HU", "LB", "NI", "PL", "SV":
		return 28
	case "BR", "EG", "PS", "QA", "UA":
		return 29
	case "JO", "KW", "MU", "YE":
		return 30
	case "MT", "SC":
		return 31
	case "LC":
		return 32
	case "RU":
		return 33
	}
	return 0
}
