// Twofold: a number as the sum of two doubles, about 106 bits. For what is computed once per result, where a
// double is too short and a long double too slow. Pure. Sources: Dekker 1971; Knuth, TAOCP 2, 4.2.2; Joldes,
// Muller, Popescu 2017, "Tight and rigorous error bounds for basic building blocks of double-word
// arithmetic". Beyond 1e300 the parts may become infinite or NaN.
#pragma once

namespace core {

// What rounding takes from a product of two doubles, and what a product leaves of a number near it: by halves
// (Dekker), or in one step, for code that is compiled for processors which have it. Both are exact, where
// neither the halves are too large for a double nor the rest too small.
struct ByHalves {
  static double left(double number, double a, double b) noexcept {
    const double product = a * b;
    return (number - product) - rest(a, b, product);
  }
  static double rest(double a, double b, double product) noexcept {
    const auto [a1, a2] = halves(a);
    const auto [b1, b2] = halves(b);
    return a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2);
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
};
struct Fused {
  static double left(double number, double a, double b) noexcept { return __builtin_fma(-a, b, number); }
  static double rest(double a, double b, double product) noexcept { return __builtin_fma(a, b, -product); }
};

// Real: double, or a vector of them where only sums are needed.
template <class Products, class Real = double>
struct TwofoldBy {
  using Twofold = TwofoldBy;

  Real high{};
  Real low{};

  [[nodiscard]] Real rounded() const noexcept { return high + low; }

  // a + b and a * b, exactly.
  static Twofold sum(Real a, Real b) noexcept {
    const Real high = a + b;
    const Real taken = high - a;
    return {high, (a - (high - taken)) + (b - taken)};
  }
  static Twofold product(double a, double b) noexcept {
    const double high = a * b;
    return {high, Products::rest(a, b, high)};
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
  // a * b - c * d. Shorter than by the operators: neither product is brought into order before the end.
  static Twofold difference_of_products(const Twofold& a, const Twofold& b, const Twofold& c,
                                        const Twofold& d) noexcept {
    const auto rest = [](const Twofold& x, const Twofold& y, double high) {
      return Products::rest(x.high, y.high, high) + (x.high * y.low + x.low * y.high);
    };
    const double first = a.high * b.high, second = c.high * d.high;
    const Twofold upper = sum(first, -second);
    return quick(upper.high, upper.low + (rest(a, b, first) - rest(c, d, second)));
  }
  friend Twofold operator/(const Twofold& a, double b) noexcept {
    const double quotient = a.high / b;
    return quick(quotient, (Products::left(a.high, quotient, b) + a.low) / b);
  }
  // A step of Newton's from the root of the rounded number to that of the whole. Precondition: above 0.
  [[nodiscard]] double root_from(double root) const noexcept {
    return root + (Products::left(high, root, root) + low) / (2 * root);
  }

 private:
  // a + b, where b is the smaller.
  static Twofold quick(Real a, Real b) noexcept {
    const Real high = a + b;
    return {high, b - (high - a)};
  }
};

using Twofold = TwofoldBy<ByHalves>;

}  // namespace core
