// Package capture writes down what the SDK says about itself while the tests of a module
// run: all that it logs, at every level, and all errors, in every way that Go can print
// them. internal/contract runs the tests like that and looks for secrets in what they said.
package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"github.com/finapi-go/finapi"
)

// Variable names the environment variable with the folder that is written to.
const Variable = "FINAPI_TRAFFIC"

// NewClient does what [finapi.NewClient] does. If somebody listens, what the client says is
// written down, unless the options have another logger.
func NewClient(environment finapi.Environment, credentials finapi.Credentials, options ...finapi.Option) (*finapi.Client, error) {
	if dir := os.Getenv(Variable); dir != "" {
		options = append([]finapi.Option{finapi.WithLogger(logger()), finapi.WithHooks(hooks(dir))}, options...)
	}
	return finapi.NewClient(environment, credentials, options...)
}

func logger() *slog.Logger {
	to := Tee(io.Discard)
	everything := &slog.HandlerOptions{Level: slog.LevelDebug - 4}
	return slog.New(both{slog.NewJSONHandler(to, everything), slog.NewTextHandler(to, everything)})
}

// Tee returns a writer that writes down what it passes on to another one, such as that of
// a test's own logger.
func Tee(w io.Writer) io.Writer {
	dir := os.Getenv(Variable)
	if dir == "" {
		return w
	}
	return io.MultiWriter(w, file{dir})
}

// both handles each record twice.
type both struct{ one, other slog.Handler }

func (b both) Enabled(context.Context, slog.Level) bool { return true }

func (b both) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(b.one.Handle(ctx, r), b.other.Handle(ctx, r.Clone()))
}

func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b.one.WithAttrs(attrs), b.other.WithAttrs(attrs)}
}

func (b both) WithGroup(name string) slog.Handler {
	return both{b.one.WithGroup(name), b.other.WithGroup(name)}
}

// hooks write down how each operation ended. The stack holds the arguments of all calls that
// lead to it, as a dump of a goroutine shows them: numbers and the bytes of arrays, up to ten
// values a call, and of texts and slices where they lie, not what is in them.
func hooks(dir string) finapi.Hooks {
	return finapi.Hooks{Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
		return ctx, func(end finapi.OperationEnd) {
			if end.Err == nil {
				return
			}
			fmt.Fprintf(file{dir}, "%+v\n%s", op, Print(end.Err))
			fmt.Fprintf(file{dir}, "%s\n", debug.Stack())
		}
	}}
}

// Print prints a value in every way that Go can print it.
func Print(value any) string {
	text := fmt.Sprintf("%v\n%+v\n%#v\n%q\n%x\n", value, value, value, value, value)
	if data, err := json.Marshal(value); err == nil {
		text += string(data) + "\n"
	}
	return text
}

// file appends to the file of this process.
type file struct{ dir string }

var mu sync.Mutex

func (f file) Write(data []byte) (int, error) {
	mu.Lock()
	defer mu.Unlock()
	to, err := os.OpenFile(filepath.Join(f.dir, fmt.Sprintf("said-%d.txt", os.Getpid())), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = to.Close() }()
	return to.Write(data)
}
