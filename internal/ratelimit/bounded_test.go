package ratelimit

import (
	"net/netip"
	"testing"
	"time"
)

func TestBucketsAreBounded(t *testing.T) {
	const most = 16 * maxShard
	l, now := New(Limits{Address: Rate{PerSecond: 1, Burst: 2}}), time.Unix(1_700_000_000, 0)
	for i := range most + 20_000 {
		ip := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i), 15: 1})
		if err := l.Address(ip, now); err != nil {
			t.Fatalf("the first request of %s: %v", ip, err)
		}
	}
	n := 0
	for i := range l.addr.shards {
		n += len(l.addr.shards[i].by)
	}
	if n > most || n == 0 {
		t.Errorf("%d buckets are held", n)
	}
}
