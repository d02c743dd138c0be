package finapitest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"sync"
	"time"
)

// callbackSender posts callbacks, as finAPI does: once, whatever the answer.
type callbackSender struct {
	client *http.Client
	ctx    context.Context // the sender's life, ended by close
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newCallbackSender() *callbackSender {
	ctx, cancel := context.WithCancel(context.Background())
	return &callbackSender{
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second},
		ctx:    ctx, cancel: cancel,
	}
}

// send posts the body in the background. An empty address means that nobody
// asked for the callback.
func (c *callbackSender) send(address string, body any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if address == "" || c.closed {
		return
	}
	c.running.Go(func() { c.post(address, body) })
}

func (c *callbackSender) post(address string, body any) {
	payload, err := json.Marshal(body)
	if err != nil {
		return
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, address, bytes.NewReader(payload)) //nolint:forbidigo // no request of the SDK: the simulator plays finAPI
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return // finAPI documents no retry
	}
	_ = resp.Body.Close() // the answer does not matter
}

// close ends callbacks that are on their way and waits for their goroutines.
func (c *callbackSender) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.running.Wait()
}

// callbackAddress matches what the Web Form API takes as a callback, and
// addresses on loopback with or without TLS, which the real one refuses: tests
// could not be called otherwise.
var callbackAddress = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(https://(www\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\.[a-zA-Z0-9()]{1,63}\b|https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?)([-a-zA-Z0-9()@:%_+.~#?&/=]*)$`)
})
