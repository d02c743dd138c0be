package wire

// maxDigits is how many digits surely fit an int64.
const maxDigits = 18

// Int reads a whole number.
func (r *Reader) Int() int64 {
	value, scale := r.Decimal()
	if scale != 0 {
		r.Decline()
		return 0
	}
	return value
}

// Decimal reads a number without exponent, which is value divided by ten to the power of
// scale: -12.30 is -1230 and 2. Both are 0 if it declines.
func (r *Reader) Decimal() (value int64, scale int) {
	token, point := r.number()
	if r.exponentAhead() {
		r.Decline()
	}
	digits := 0
	for _, c := range token {
		if '0' <= c && c <= '9' {
			value = value*10 + int64(c-'0')
			digits++
		}
	}
	if digits == 0 || digits > maxDigits {
		r.Decline()
		return 0, 0
	}
	if token[0] == '-' {
		value = -value
	}
	if point > 0 {
		scale = len(token) - point - 1
	}
	return value, scale
}

// number reads a number up to its exponent and returns it as it is written, and where its
// point is; 0 if it has none. It returns nothing if it declines.
func (r *Reader) number() (token []byte, point int) {
	r.peek()
	start := r.at
	if r.at < len(r.body) && r.body[r.at] == '-' {
		r.at++
	}
	whole := r.at
	n := r.digits()
	if n == 0 || n > 1 && r.body[whole] == '0' {
		r.Decline()
		return nil, 0
	}
	if r.at < len(r.body) && r.body[r.at] == '.' {
		point = r.at - start
		r.at++
		if r.digits() == 0 {
			r.Decline()
			return nil, 0
		}
	}
	return r.body[start:r.at], point
}

func (r *Reader) exponentAhead() bool {
	return r.at < len(r.body) && r.body[r.at]|0x20 == 'e'
}

// skipNumber reads a number that nobody wants; this one may have an exponent.
func (r *Reader) skipNumber() {
	r.number()
	if !r.exponentAhead() {
		return
	}
	r.at++
	if r.at < len(r.body) && (r.body[r.at] == '+' || r.body[r.at] == '-') {
		r.at++
	}
	if r.digits() == 0 {
		r.Decline()
	}
}

// digits reads digits and returns how many there were.
func (r *Reader) digits() int {
	start := r.at
	for r.at < len(r.body) && '0' <= r.body[r.at] && r.body[r.at] <= '9' {
		r.at++
	}
	return r.at - start
}
