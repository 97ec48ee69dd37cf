// Twofold: a number as the sum of two doubles, about 106 bits. For what is computed once per result, where a
// double is too short and a long double too slow. Pure. Sources: Dekker 1971; Knuth, TAOCP 2, 4.2.2; Joldes,
// Muller, Popescu 2017, "Tight and rigorous error bounds for basic building blocks of double-word
// arithmetic". Beyond 1e300 the parts may become infinite or NaN.
#pragma once

namespace core {

struct Twofold {
  double high = 0;
  double low = 0;

  [[nodiscard]] double rounded() const noexcept { return high + low; }

  // a + b and a * b, exactly.
  static Twofold sum(double a, double b) noexcept {
    const double high = a + b;
    const double taken = high - a;
    return {high, (a - (high - taken)) + (b - taken)};
  }
  static Twofold product(double a, double b) noexcept {
    const double high = a * b;
    const auto [a1, a2] = halves(a);
    const auto [b1, b2] = halves(b);
    return {high, a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2)};
  }

  friend Twofold operator+(const Twofold& a, const Twofold& b) noexcept {
    const Twofold upper = sum(a.high, b.high), lower = sum(a.low, b.low);
    const Twofold first = quick(upper.high, upper.low + lower.high);
    return quick(first.high, first.low + lower.low);
  }
  friend Twofold operator-(const Twofold& a) noexcept { return {-a.high, -a.low}; }
  friend Twofold operator-(const Twofold& a, const Twofold& b) noexcept { return a + -b; }
  friend Twofold operator*(const Twofold& a, const Twofold& b) noexcept {
    const Twofold upper = product(a.high, b.high);
    return quick(upper.high, upper.low + (a.high * b.low + a.low * b.high));
  }
  friend Twofold operator*(const Twofold& a, double b) noexcept {
    const Twofold upper = product(a.high, b);
    return quick(upper.high, upper.low + a.low * b);
  }
  friend Twofold operator/(const Twofold& a, double b) noexcept {
    const double quotient = a.high / b;
    const Twofold back = product(quotient, b);
    return quick(quotient, ((a.high - back.high) - back.low + a.low) / b);
  }

 private:
  struct Halves {
    double upper, lower;
  };
  // Of 26 bits each (Veltkamp).
  static Halves halves(double value) noexcept {
    const double scaled = (0x1p27 + 1) * value;
    const double upper = scaled - (scaled - value);
    return {upper, value - upper};
  }
  // a + b, where b is the smaller.
  static Twofold quick(double a, double b) noexcept {
    const double high = a + b;
    return {high, b - (high - a)};
  }
};

}  // namespace core
