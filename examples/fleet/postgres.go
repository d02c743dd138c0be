package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/finapi-go/finapi/sqlstore"
)

// postgres is a server that can be started here.
type postgres interface {
	Start() (url string, err error)
	Stop()
}

// place is where in PostgreSQL the ERP is.
type place struct {
	URL string `json:"url"`
	// Schema holds the ERP's tables and those of sqlstore; River has one beside it.
	Schema string `json:"schema"`
}

func (p place) river() string { return p.Schema + "_river" }

// open opens the database for one process.
func (p place) open(ctx context.Context, connections int) (*database, error) {
	config, err := pgxpool.ParseConfig(p.URL)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(connections) //nolint:gosec // G115: it is small
	config.ConnConfig.RuntimeParams["search_path"] = p.Schema
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &database{pool: pool, db: stdlib.OpenDBFromPool(pool)}, nil
}

// database is one pool of connections, for the queue and for the books.
type database struct {
	pool *pgxpool.Pool
	db   *sql.DB
}

func (d *database) close() {
	_ = d.db.Close()
	d.pool.Close()
}

// erp is the ERP's side as the program that shows it sees it. The workers open their own.
type erp struct {
	*database
	place place
	store *sqlstore.Store
	stop  func()
}

func openERP(ctx context.Context, o options, server postgres) (*erp, error) {
	e := &erp{place: place{URL: o.postgres, Schema: "finapi_fleet_" + strings.ToLower(rand.Text()[:10])}, stop: func() {}}
	if o.postgres == "" {
		url, err := server.Start()
		if err != nil {
			return nil, err
		}
		e.place.URL, e.stop = url, server.Stop
	}
	if err := e.create(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open PostgreSQL: %w", err), e.close(ctx))
	}
	return e, nil
}

func (e *erp) create(ctx context.Context) (err error) {
	if e.database, err = e.place.open(ctx, 8); err != nil {
		return err
	}
	if _, err := e.db.ExecContext(ctx, `CREATE SCHEMA `+e.place.Schema); err != nil {
		return err
	}
	if _, err := e.db.ExecContext(ctx, tables); err != nil {
		return err
	}
	e.store, err = sqlstore.New(ctx, e.db, sqlstore.PostgreSQL)
	return err
}

// close leaves nothing in the database, also if ctx has ended.
func (e *erp) close(ctx context.Context) (err error) {
	defer e.stop()
	if e.database == nil {
		return nil
	}
	defer e.database.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, schema := range []string{e.place.Schema, e.place.river()} {
		_, failed := e.db.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+schema+` CASCADE`)
		err = errors.Join(err, failed)
	}
	return err
}
