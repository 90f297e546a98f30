package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/commit"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb/driver"
)

// The epoch is a number that changes with every change of a principal, policy, vault
// or rule, and the head of the changed organisation's log keeps the latest of its
// own. Caches keep an organisation's epoch beside what they hold of it: an entry of
// another one is not used, and what others change costs nothing. A token that is
// revoked moves no epoch: the caches are told its id.
//
// On SQLite this process is the only writer, so what it knows is exact. On PostgreSQL
// other nodes move it: each node reads the number every pollEpoch, and asks for the
// organisations that changed when it has moved. What is older than maxEpochAge counts
// as unknown, so a cache is at most that much behind, also while the database is out
// of reach. A NOTIFY (listen.go) makes a node look at once; it only hastens what the
// poll would find, so nothing depends on its coming.
//
// What Epoch and EpochOf return is this process's own count of the changes that it
// saw, not the number in the database: that one can go back, when a standby takes
// over that had not yet got the latest, and must not bring dead cache entries back.
const (
	pollEpoch   = 300 * time.Millisecond
	maxEpochAge = 900 * time.Millisecond
	// restEpoch is how long a node does not let itself be woken after a poll.
	restEpoch = 20 * time.Millisecond
	// maxEpochOrgs bounds the organisations whose epochs are known one by one.
	maxEpochOrgs = 100_000
)

type epoch struct {
	opened time.Time    // what seen counts from; a clock that is set does not move it
	seen   atomic.Int64 // nanoseconds: when the epoch was last known to be current
	count  atomic.Int64
	wake   chan struct{} // another node says that the number has moved

	orgs  sync.Map     // organisation -> int64; read for every request, so without a lock
	floor atomic.Int64 // of organisations that are not in orgs

	polling sync.Mutex
	mu      sync.RWMutex
	stored  int64                   // up to which number all changes are known
	foreign int64                   // changes by programs that know of one epoch for all
	known   int                     // how many orgs are marked since the last reset
	revoke  []func(tokens []string) // see OnRevoke
}

// Epoch counts all changes, and is false when it is not known whether there are more:
// then nothing cached may be used. What is read after it is no older than it.
func (db *DB) Epoch() (int64, bool) {
	return db.epoch.count.Load(), db.epochKnown()
}

// EpochOf is what Epoch was when the organisation, or the server for all of them, last
// changed. Of audit.SystemOrg it is the server's own.
func (db *DB) EpochOf(org string) (int64, bool) {
	e := &db.epoch
	return max(e.of(org), e.of(audit.SystemOrg), e.floor.Load()), db.epochKnown()
}

// ServerEpoch is EpochOf what belongs to no organisation: the server's settings.
func (db *DB) ServerEpoch() (int64, bool) { return db.EpochOf(audit.SystemOrg) }

func (db *DB) epochKnown() bool {
	return !db.eng.Postgres || db.now().Sub(db.epoch.opened)-time.Duration(db.epoch.seen.Load()) <= maxEpochAge
}

// OnRevoke has f called with the ids of tokens that were revoked, here and on other
// nodes, before anything else is told of it.
func (db *DB) OnRevoke(f func(tokens []string)) {
	db.epoch.mu.Lock()
	defer db.epoch.mu.Unlock()
	db.epoch.revoke = append(db.epoch.revoke, f)
}

func (db *DB) tokensRevoked(tokens []string) {
	db.epoch.mu.RLock()
	all := db.epoch.revoke
	db.epoch.mu.RUnlock()
	if len(tokens) == 0 {
		return
	}
	for _, f := range all {
		f(tokens)
	}
}

// Seen is the number of the latest change up to which this node knows of all. A
// decision that begins after it was asked rests on each of them.
func (db *DB) Seen() int64 {
	db.epoch.mu.RLock()
	defer db.epoch.mu.RUnlock()
	return db.epoch.stored
}

// Look brings what Seen says, and with it the caches, up to now. On SQLite they are.
func (db *DB) Look(ctx context.Context) error {
	if !db.eng.Postgres {
		return nil
	}
	return db.refreshEpoch(ctx)
}

// moved takes note of what a transaction of this node has changed.
func (db *DB) moved(n int64, moves []commit.Move) {
	var tokens []string
	for _, m := range moves {
		if m.What == commit.Revoked {
			tokens = append(tokens, m.Token)
		}
	}
	db.tokensRevoked(tokens)
	e := &db.epoch
	e.mu.Lock()
	for _, m := range moves {
		if m.What != commit.Revoked {
			e.mark(m.Org)
		}
	}
	whole := !db.eng.Postgres || n == e.stored+1
	if whole {
		e.stored = n
	}
	e.mu.Unlock()
	if !whole {
		db.wakeEpoch() // others came between
	}
}

func (e *epoch) of(org string) int64 {
	n, _ := e.orgs.Load(org)
	v, _ := n.(int64)
	return v
}

// mark says that an organisation has changed. mu is held.
func (e *epoch) mark(org string) {
	if e.known >= maxEpochOrgs {
		e.reset()
	}
	if _, again := e.orgs.Swap(org, e.count.Add(1)); !again {
		e.known++
	}
}

// reset makes every cache forget. mu is held. The floor rises first, so that nobody
// reads an older epoch meanwhile.
func (e *epoch) reset() {
	e.floor.Store(e.count.Add(1))
	e.orgs.Clear()
	e.known = 0
}

const selectEpoch = `SELECT value, COALESCE((SELECT value FROM meta WHERE name = 'epoch_orgs'), 0) FROM meta WHERE name = 'epoch'`

func (db *DB) refreshEpoch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	conn, err := db.readers.Conn(ctx)
	if err != nil {
		return driver.Wrap("connect", err)
	}
	return errors.Join(db.pollEpoch(ctx, conn), conn.Close())
}

func (db *DB) pollEpoch(ctx context.Context, conn *sql.Conn) error {
	e := &db.epoch
	e.polling.Lock()
	defer e.polling.Unlock()
	asked := db.now().Sub(e.opened)
	before := db.Seen()
	var n, told int64
	if _, err := scanOne(conn.QueryRowContext(ctx, selectEpoch), []any{&n, &told}); err != nil {
		return err
	}
	var orgs []string
	if n > before {
		var tokens []string
		var err error
		if orgs, err = textsOn(ctx, conn, `SELECT org_id FROM audit_heads WHERE epoch > $1 LIMIT $2`, before, maxEpochOrgs); err != nil {
			return err
		}
		if tokens, err = textsOn(ctx, conn, `SELECT id FROM revoked_tokens WHERE epoch > $1`, before); err != nil {
			return err
		}
		db.tokensRevoked(tokens)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if n < before || n-told != e.foreign || e.floor.Load() == 0 {
		e.reset()
		e.foreign, e.stored = n-told, n
	}
	for _, org := range orgs {
		e.mark(org)
	}
	e.stored = max(e.stored, n)
	e.seen.Store(int64(asked))
	return nil
}

// pollConnect is how long the poll tries to connect: to each server that the
// connection string names, one after the other, while some swallow what they get.
const pollConnect = 15 * time.Second

var errNoPoll = errors.New("there is no connection to poll on")

func textsOn(ctx context.Context, conn *sql.Conn, query string, args ...any) ([]string, error) {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, driver.Wrap("read", err)
	}
	return readTexts(rows)
}

// followEpoch keeps a connection of its own: when all others are busy, the
// caches must not go stale on top. It connects beside the ticks, which find out
// meanwhile that nothing answers.
func (db *DB) followEpoch(ctx context.Context) {
	tick := time.NewTicker(pollEpoch)
	defer tick.Stop()
	var conn *sql.Conn
	var opening chan *sql.Conn // nil but while one connects
	for {
		select {
		case conn = <-opening:
			opening = nil
		case <-tick.C:
		case <-db.epoch.wake:
		case <-ctx.Done():
			if opening != nil {
				conn = <-opening
			}
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if conn == nil {
			db.polled(errNoPoll)
			if opening == nil {
				opening = db.openPoll(ctx)
			}
			continue
		}
		poll, cancel := context.WithTimeout(ctx, maxEpochAge)
		err := db.pollEpoch(poll, conn)
		cancel()
		db.polled(err)
		if err == nil {
			select { // changes in a row cost the other nodes no more than this
			case <-ctx.Done():
			case <-time.After(restEpoch):
			}
			continue
		}
		driver.HangUp(conn)
		conn = nil
		db.noPoll(ctx, err)
	}
}

// openPoll connects in the background and sends the connection, or nil.
func (db *DB) openPoll(ctx context.Context) chan *sql.Conn {
	out := make(chan *sql.Conn, 1)
	go func() {
		connect, cancel := context.WithTimeout(ctx, pollConnect)
		defer cancel()
		conn, err := db.readers.Conn(connect)
		if err != nil {
			conn = nil
			db.noPoll(ctx, err)
		}
		out <- conn
	}()
	return out
}

func (db *DB) noPoll(ctx context.Context, err error) {
	if ctx.Err() == nil {
		db.log.Warn("the database does not answer", slog.Any("error", err))
	}
}
