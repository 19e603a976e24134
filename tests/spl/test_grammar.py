"""The grammar of SPL accepts the constructs of the language and rejects what only resembles them.

All cases were given to the compiler's own check of the syntax when they were written: it decides the same.
"""

from __future__ import annotations

import pytest

from spl.spl_syntax import SplSyntaxError, mistakes, parse

# Accepted in one piece; rejected each line on its own.
STATEMENTS = """
mutable int32 a = 1, b, c = a + 2;
list<list<list<T>>> x = [[[t]]]; map<rstring, list<a.b::T>[3]>[4] y = {}; set<float64>[2] z = {1.0, 2.0};
rstring[10] s = 'it"s'; ustring u = "\\u00e9\\n"u; xml<"a.xsd"> v = "<a/>"x; rstring w = "a
b";
optional<int32> o = null; o = 3; a = o! + (o ?: 4); if (o??) return;
enum {red, green} colour = red; T.Part p = x.part; a.b::T.Part q = a.b::f(x).part.of[3];
tuple<int32 a, tuple<rstring b> c> t = {a = 1, c = {b = "x"}}; t.c.b = "y";
tuple<T, tuple<int32 a>> t = {a = 1}; blob b = (blob)[]; timestamp ts = (timestamp)1.5; complex64 c = z;
uint64 x = 0ul; int8 y = 1b; uint8 z = 0xFFu; float32 f = 1.0w;
decimal128 d = 1.5e-3dq; f = .5; f = 1.; f = 2e3; x = 1lu;
x = a ? b : c ? d : e; x = {a ? b : c : d, 1 : 2}; y = {a, b}; z = {};
x = a[1:2] + a[:2] + a[1:] + a[:] + a[b ? 1 : 2 : 3];
x = !a || b && c in d | e ^ f & g == h << 1 + -i * ~j; x = a >> 2 > b >= c; x >>= 1; x <<= 1; x ^= y; x |= y; x &= y;
x = a .+ b .- c .* d ./ e .% f .& g .| h .^ i;
x = a .<< b; x = a .>> b; x = a .< b; x = a .>= b; x = a .== b; x = a .!= b;
x = (int32)y; x = (list<T>)[]; x = (T)y; x = (a.b::T)y.z[1] + (T.U)"a"; x = (T)(y);
x = (T)[1, 2]; x = (T)-y; x = (T)(U)y;
x = (T){a = 1}; x = (rstring)(T)y; x = (T)~y; x = (T)(rstring)y; x = (T){};
x = (a) - b; x = (a)[1]; x = (a)[1:2]; (a)++;
"a" + b; [1, 2]; -x; (a + b).c; (a) = b; f(); f(a, {b = 1}); f(a)[1](b).c++; ++x; --x; x!; x??; x = y = z;
if (a) b(); else if (c) d(); else { } while (true) { break; continue; } for (list<int32> i in range(3)) f(i);
if (a) if (b) c(); else d(); { type L = rstring a, int32 b; L l = {a = "", b = 1}; } return {a = 1};
int32 state = 1; int32 onProcess = state; rstring string = "any"; any = string;
collection.any = 1; T numeric = f(integral);
x = 1; /* a comment
of two lines */ x = 2; // and one
x = a.b.c.d::e; x = $a + $b.c;
"""
REJECTED_STATEMENTS = """
x = (3) y;
x = a b;
x = "a" "b";
x = a[1, 2];
x = a[];
x = [1, 2,];
x = {a = 1, 2};
x = {1 : 2, 3};
x = {a.b = 1};
x = {a = b = 1};
x = 007;
x = 3us;
x = "\\q";
x = 'a;
x = a +;
x = + a;
x = a > > 1;
f(int32);
list<int32> x[3];
map<int32> x = {};
tuple<int32> x = y;
tuple<T, int32 x> y = z;
tuple<int32 x, T> y = z;
optional<optional<int32>> x = y;
stream<int32 x> y = z;
matrix x = 1;
int32 var = 1;
int32 list = 1;
float128 x = 1.0;
unsigned int32 x = 1;
static int32 x = 1;
if a b();
if (a) then b();
if (a) { } else;
for (i in x) f();
for (mutable int32 i in x) f();
for (int32 i = 0; i < 3; i++) f();
for (int32 i : x) f();
switch (a) { case 1: b(); }
return 1
{ a();
;
int32 f() { }
public type T = int32;
/* never closed
"""
INVOCATIONS = """
stream<int32 a> A = Beacon() {}
stream<T, tuple<rstring b>> A as O = a.b.c::Op(B) { }
() as Sink = Custom(A as I; B, C as J; stream<int32 a> D) { }
(stream<T> A as O; stream<U> B) as P = Op() { }
(stream<T> A) = Op() { }
@parallel(width = $w, partitionBy = [{port = A, attributes = [id, a.b]}], replicateHostTags = ["x"])
@autonomous () as S = Op(A) { }
@consistent(trigger = periodic, period = 1.0) @threading(model = manual)
(stream<T> A) as S = Op() { } @spl_tag(name = "x") stream<T> B = C() { }
() as S = Op(A) { logic state: mutable int32 n = 0; onTuple A: n++; onPunct A: { f(currentPunct()); } }
() as S = Op(A) { logic state: { int32 n = 0; list<T> l = []; } onTuple A: if (a) submit(A, B); else { } }
() as S = Op() { logic onProcess: { while (!isShutdown()) block(1.0); } }
() as S = Op(A, B) { logic onTuple A: int32 x = 1; onTuple B: { type L = T; } }
stream<T> A = Op(B) { window B: sliding, count(3), time(1.5), partitioned; C: tumbling, punct(); }
stream<T> A = Op(B) { param a: 1; b: "x", 'y'; c: x > 1 && y; d: rstring; e: list<int32>; f: a.b::T;
  g: tuple<int32 a>; h: skip; }
stream<T> A = Op(B) { param p: {a = 1}; q: (rstring)x; r: enum{a, b}; s: optional<T>; t: {}; }
stream<T> A = Op(B) { output A: a = Count(), b = Max(B.x) + 1, c = {d = 1}; B: e = f = 1; }
stream<T> A = Op(B) { config placement: host(P), partitionColocation("x"); restartable: true;
  threadedPort: queue(B, Sys.Wait); }
stream<T> A = Op(B) { logic state: int32 n = 0; window B: tumbling, delta(a, 1); param p: 1; output A: a = b;
  config wrapper: gdb; }
"""
REJECTED_INVOCATIONS = """
stream<T> A = Op(B)
stream<T> A = Op(B);
stream<T> A = Op(B) { };
stream<T> A = Op { }
stream<int32> A = Op() { }
stream<rstring a, T> A = Op() { }
stream<T, rstring a> A = Op() { }
stream<list<T>> A = Op() { }
() = Op(A) { }
() as S = Op(A;) { }
() as S = Op(A as I, B) { }
(stream<T> A, stream<T> B) = Op() { }
(stream<T> A; ) = Op() { }
A = Op() { }
stream<T> A = a::b::Op() { }
@parallel() stream<T> A = Op() { }
() as S = Op(A) { logic { } }
() as S = Op(A) { logic onTuple: f(); }
() as S = Op(A) { logic onTuple A { f(); } }
() as S = Op(A) { logic onWatermark A: f(); }
() as S = Op(A) { logic onProcess A: f(); }
() as S = Op(A) { logic state: { f(); } }
() as S = Op(A) { logic state: n = 0; }
() as S = Op(A) { param }
() as S = Op(A) { param a = 1; }
() as S = Op(A) { param a: 1, b: 2; }
() as S = Op(A) { param a: rstring, int32; }
() as S = Op(A) { param a: stream<T>; }
() as S = Op(A) { output A: a; }
() as S = Op(A) { output A: a = 1; b = 2; }
() as S = Op(A) { output A: a.b = 1; }
() as S = Op(A) { param a: 1; logic onTuple A: f(); }
() as S = Op(A) { config a: 1; param b: 1; }
() as S = Op(A) { output A: a = 1; param b: 1; }
() as S = Op(A) { param a: 1; param b: 1; }
() as S = Op(A) { graph B = C() {} }
"""
FILES = """
namespace a.b.c; use a.b::*; use c::D; use $x::Y;
type A = int32; type B = rstring a, list<T> b; type C = T, tuple<int32 a>; type D = tuple<T, U>; type E = a.b::T;
type F = enum{a};
type G = list<int32>[3]; type H = optional<T>; type I = list<optional<T>>; type J = T, U; type K = T.Part;
type L = xml<"a.xsd">;
public composite Main { } composite Other() { } composite Third(input A) { } composite Fourth(output stream<T> A) { }
composite A(input I, stream<T> J; output O, stream<int32 a> P) { } composite B(output O; input stream<T, U> I) { }
@spl_tag(name = "x") public composite A { param expression<rstring> $a: "b"; expression $b; attribute $c;
  operator $d: a::B; function $e; type $f; type $g: rstring; }
composite A { param type $T: T; type static U = $T; V = rstring a, int32 b; static W = T, U;
  graph stream<T> S = Op() { } config relocatable: true; }
composite A { type T = int32; graph () as S = Op() {} }
composite B { param type $T; graph () as S = Op() {} config restartable: true; }
void f() { } public int32 g(int32 a, mutable list<T> b) { return a; }
stateful public a.b::T h() { } public stateful void i() { }
/** What A is. * @param a */ public void f() { } // the end
"""
REJECTED_FILES = """
public type T = int32;
static type T = int32;
@autonomous type T = int32;
type T = int32
type T = stream<int32 a>;
type T = rstring a, U;
type T = U, rstring a;
type T = list<int32>, U;
type T : int32;
use a::*; namespace b;
use a.b;
type T = int32; use a::b;
namespace a; namespace b;
namespace a::b;
int32 x = 1;
void f();
void f(int32) { }
void f(int32 a; int32 b) { }
f() { }
<any T> void f(T a) { }
static void f() { }
@autonomous void f() { }
composite { }
composite A { } ;
stateful composite A { }
composite A(input) { }
composite A(stream<T> B) { }
composite A(input B, output C) { }
composite A(input B; input C) { }
composite A(input int32 B) { }
composite A { stream<T> B = C() { } }
composite A { graph }
composite A { param }
composite A { param rstring $a; }
composite A { param expression<rstring> $a = "b"; }
composite A { param expression<rstring> $a: "b" }
composite A { var int32 a = 1; }
composite A { type public T = int32; graph () as S = Op() {} }
composite A { type T = int32; type U = int32; graph () as S = Op() {} }
composite A { graph () as S = Op() {} param expression $a; }
composite A { config a: 1; graph () as S = Op() {} }
composite A { graph void f() { } }
composite A { graph () as S = Op() {}
class A { }
"""


@pytest.mark.parametrize(
    ("frame", "accepted", "rejected"),
    [
        ("void f() {{ {} }}", STATEMENTS, REJECTED_STATEMENTS),
        ("composite Main {{ graph {} }}", INVOCATIONS, REJECTED_INVOCATIONS),
        ("{}", FILES, REJECTED_FILES),
    ],
    ids=["statements", "invocations", "files"],
)
def test_grammar(frame: str, accepted: str, rejected: str) -> None:
    parse(frame.format(accepted))
    for line in rejected.strip().splitlines():
        assert not is_spl(frame.format(line)), line


@pytest.mark.parametrize(
    ("text", "is_legal"),
    [
        ("public int32 f()", True),
        ("<any T> [N] public stateful void f(mutable list<T>[N] values, rstring)", True),
        ("<numeric T, list L> T Sum(T value)", True),
        ("<thing T> void f(T value)", False),
        ("f(int32 x)", False),
        ("void f(int32 x, )", False),
        ("void f(int32 x) { }", False),
    ],
)
def test_prototypes(text: str, is_legal: bool) -> None:
    assert is_spl(text, "prototype") == is_legal


def is_spl(text: str, start: str = "file") -> bool:
    try:
        parse(text, start)
    except SplSyntaxError:
        return False
    return True


@pytest.mark.parametrize(
    ("statements", "names"),
    [
        ("int32 x = 0; x++; --x; x += 1; (x) = 2;", "x x x x"),
        ("list<int32> x = []; x[0] = 1; x[0]++; mutable list<int32> y = x; y[0] = 1;", "x x"),
        ("T x = t; x.a = 1; x.a.b.c[2] = 1; x.a[1].b = 3; mutable T y = x; y.a = 1;", "x x x"),
        ("given = 1; mutated = 1; mutated.a = 2; unknown = 3; unknown.given = 4;", "given"),
        ("int32 x = 0; { mutable int32 x = 1; x = 2; } x = 3;", "x"),
        ("mutable int32 x = 0; if (b) { int32 x = 1; x = 2; } else x = 3; while (b) { int32 x = 4; } x = 5;", "x"),
        ("for (int32 i in xs) { i = 1; mutable int32 given = i; given = 2; } mutable int32 i = 0; i = 1;", "i"),
        ("mutable list<int32> x = []; for (int32 i in x) { x[i] = 0; { mutable T x = y; x[0] = 1; } } x[0] = 1;", "x"),
        ("mutable list<T> x = []; for (T i in x[0].l) { x[0] = i; } for (T i in x[0]) { x[1] = i; }", "x"),
        ("if (b) int32 x = 1; x = 2; { mutated = 1; int32 mutated = 2; }", "x mutated"),
        ("mutable int32 x = 0, y = 1; x = 2; y = 3; int32 z = 0, u = 1; z = 2; u = 3;", "z u"),
        ("T x = {given = 1, b = {given = 2}}; f({given = 3}); mutable T y = (T){given = (given = 4)};", "given"),
        ("int32 x; mutable int32 y; x = y == 1 ? 2 : 3;", "x x"),
        ("rstring x = y; f(x); int32 z = x in y ? x <= y : x != y;", ""),
    ],
)
def test_mistakes(statements: str, names: str) -> None:
    found = mistakes(parse(f"void f(int32 given, mutable int32 mutated) {{ {statements} }}"))
    assert [sentence.split("`")[1] for sentence in found] == names.split()


def test_mistakes_in_logic() -> None:
    logic = """
      state: { int32 n = 0; mutable int32 m = 0; }
      onTuple A: { n++; m++; A.n = 1; a = n; { int32 a = 1; a = 2; } }
      onPunct A: { a = 3; n = 4; }
    param n: m = 1;
    output B: n = m, m = n++;"""
    source = f"composite M {{ graph stream<T> B = C(A) {{ logic {logic} }} stream<T> D = C(A) {{ param p: n = 1; }} }}"
    assert [sentence[:7] + sentence.split("`")[1] for sentence in mistakes(parse(source))] == [
        "line 3,n",
        "line 3,a",
        "line 4,n",
        "line 6,n",
    ]


def test_slices_are_not_assigned() -> None:
    source = "void f(mutable list<int32> x) { x[0:1] = [1]; x[0] = 1; }"
    assert mistakes(parse(source)) == ["line 1, column 33: a slice is assigned"]
