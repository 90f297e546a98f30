package pgtest

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Run starts a cluster for a program that is no test, such as the benchmark.
// The caller closes it; when the program dies first, it goes away as in a test.
func Run(opts ...Option) (*Cluster, error) { return start(opts...) }

// Close stops the server and removes its data.
func (c *Cluster) Close() error { return c.close() }

// PID is the process whose children serve the connections, or 0 while the
// server is down.
func (c *Cluster) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return 0
	}
	return c.process.Pid
}

// Create makes an empty database and returns a connection URL for it.
func (c *Cluster) Create(ctx context.Context) (dsn string, err error) {
	name, err := c.create(ctx, "")
	if err != nil {
		return "", err
	}
	return c.url(name), nil
}

func (c *Cluster) create(ctx context.Context, how string) (name string, err error) {
	name = fmt.Sprintf("t%d", c.databases.Add(1))
	if err := c.admin(ctx, "CREATE DATABASE "+name+how); err != nil {
		return "", fmt.Errorf("pgtest: create database: %w", err)
	}
	return name, nil
}

// Size is what a database takes on disk, in bytes, without the write-ahead log.
func (c *Cluster) Size(ctx context.Context, dsn string) (size int64, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	err = conn.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&size)
	return size, err
}

// Settle does the work that a load leaves behind for later (vacuum, statistics,
// checkpoint), so that it does not run beside what is measured next.
func (c *Cluster) Settle(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
