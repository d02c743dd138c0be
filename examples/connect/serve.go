package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// serve runs the application until the context ends.
func serve(ctx context.Context, opts options, env func(string) string, stdout io.Writer, log *slog.Logger) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.address)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	site, err := newSite(opts, listener.Addr().String())
	if err != nil {
		return err
	}
	app, err := open(ctx, opts, env, site, log)
	if err != nil {
		return err
	}
	defer app.close()
	invite(stdout, app)
	return listen(ctx, listener, app.handler())
}

// invite tells the person at the terminal what to do.
func invite(stdout io.Writer, app *app) {
	if app.sim == nil {
		fmt.Fprintf(stdout, "Using finAPI's %s environment. Open this page:\n\n  %s\n\nCtrl-C ends the program.\n",
			app.client.Environment(), app.site.origin)
		return
	}
	fmt.Fprintf(stdout, `Simulating finAPI, its banks and your accounts there. Open this page:

  %s

Things to try:
  Sign in as Muster GmbH, connect the bank "amnis", and log in there with demo / demo.
  Choose accounts, look at one, refresh, disconnect, and connect the bank again.
  Let a day pass, or the consent lapse, on the page "Simulator".
  Sign in as Beispiel AG: it sees nothing of the other.

Ctrl-C ends the program.
`, app.site.origin)
}

// listen serves until the context ends, and then lets requests that are going on
// finish.
func listen(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		WriteTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(patience)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
