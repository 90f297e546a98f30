// Package postgres executes one statement on a PostgreSQL server that somebody named, over a connection of its own.
//
// Its promise: the address that is dialled is the one that was checked; a password goes over a connection without
// TLS only to what the operator allowed; a statement that only reads changes nothing, and of one that writes nothing
// is kept unless it was done as a whole and Settle still let it; no text of the server but rows is handed on; and
// time and memory are bounded whatever the server sends. Whoever calls it looks for secrets in the rows.
package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Dialer opens connections that are guarded.
type Dialer interface {
	// Dial connects to HOST:PORT, or refuses what is not to be called.
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// DialAllowed is Dial for what the operator allowed alone.
	DialAllowed(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is a configuration that verifies a host.
	TLS(host string) *tls.Config
}

// Server is where a statement goes, and as whom.
type Server struct {
	Host, Database, User string
	Port                 uint16
	Password             secret.Bytes
	Plain                bool // without TLS
}

// maxMessage bounds one message of a server, such as a row.
const maxMessage = 4 << 20

// goodbye is how long the end of a connection may take.
const goodbye = time.Second

// session is a connection to a server.
type session struct {
	*pgconn.PgConn
	raw *heard
}

// heard is a connection that notes the first byte that came: what the server says to the wish for TLS.
type heard struct {
	net.Conn
	first byte
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if n > 0 && h.first == 0 {
		h.first = b[0]
	}
	return n, err
}

// refusedTLS reports whether the server answered that it takes no TLS.
func (s *session) refusedTLS() bool { return s.raw != nil && s.raw.first == 'N' }

// open logs in. Nothing of the environment of this process counts, nor any file of its user. The session is there,
// without a connection, also where that failed.
func open(ctx context.Context, d Dialer, to *Server) (*session, error) {
	s := new(session)
	c, err := pgconn.ParseConfig("host=host.invalid port=1 user=nobody dbname=none password=none sslmode=disable passfile=/dev/null target_session_attrs=any")
	if err != nil {
		return s, fault.Wrap(err, fault.Internal, "", "") // a variable or file of libpq that it can't read
	}
	c.Host, c.Port, c.Database, c.User, c.Password = to.Host, to.Port, to.Database, to.User, string(to.Password.Reveal())
	c.Fallbacks, c.ValidateConnect, c.AfterConnect, c.ConnectTimeout = nil, nil, nil, 0
	c.KerberosSrvName, c.KerberosSpn, c.RequireAuth, c.OAuthTokenProvider = "", "", "!gss,!sspi,!oauth", nil
	c.RuntimeParams = map[string]string{"client_encoding": "UTF8", "application_name": "oneclaw"}
	c.MaxProtocolMessageBodyLen = maxMessage
	c.SSLNegotiation, c.SSLCertMode, c.ChannelBinding = "postgres", "disable", "prefer"
	c.MinProtocolVersion, c.MaxProtocolVersion = "3.0", "3.0"
	c.OnNotice = func(*pgconn.PgConn, *pgconn.Notice) {}
	c.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // the dialer does, and checks
	dial := d.Dial
	c.TLSConfig = d.TLS(to.Host)
	if to.Plain {
		dial, c.TLSConfig = d.DialAllowed, nil
	}
	address := net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port)))
	c.DialFunc = func(ctx context.Context, network, _ string) (net.Conn, error) { // also to cancel a statement
		conn, err := dial(ctx, network, address)
		if err == nil && s.raw == nil {
			s.raw = &heard{Conn: conn}
			return s.raw, nil
		}
		return conn, err
	}
	if s.PgConn, err = pgconn.ConnectConfig(ctx, c); err != nil {
		return s, err
	}
	return s, nil
}

// end closes the connection: what was not committed is undone.
func (s *session) end() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	_ = s.Close(ctx)
	_ = s.raw.Close()
}
