//! Workloads that misbehave on purpose, so that tests can see what the harness makes of it. They are
//! part of a run only with the hidden option `--fixtures`.
//!
//! In each of them `eager` and the engines do as they should, and `idiomatic` does what the name says.

use std::time::Duration;

use engines::{Engine, Pipeline, sum};
use workloads::{Answer, Error, Setting, Size, Visitor, Workload};

/// Calls `visitor` with every fixture.
pub(crate) fn each(visitor: &mut impl Visitor) {
    visitor.visit(Fixture::<Panics>::default());
    visitor.visit(Fixture::<Errs>::default());
    visitor.visit(Fixture::<Dies>::default());
    visitor.visit(Fixture::<Hangs>::default());
    visitor.visit(Fixture::<Lies>::default());
    visitor.visit(Fixture::<Hoards>::default());
    visitor.visit(Fixture::<Babbles>::default());
    visitor.visit(Fixture::<Floods>::default());
    visitor.visit(Fixture::<Spins>::default());
}

trait Misdeed: Default + Sync + 'static {
    const NAME: &'static str;
    fn commit(total: f64) -> Result<f64, Error>;
}

#[derive(Default)]
struct Fixture<M>(std::marker::PhantomData<M>);

impl<M: Misdeed> Workload for Fixture<M> {
    const NAME: &'static str = M::NAME;
    const ABOUT: &'static str = "a fixture that tests the harness";
    type Input = Vec<f64>;

    fn items(&self, _: Size) -> u64 {
        1000
    }

    fn bytes(&self, _: Size) -> u64 {
        8000
    }

    fn prepare(&self, _: &Setting, seed: u64) -> Result<Vec<f64>, Error> {
        Ok((0..1000).map(|i| ((seed % 1000) + i) as f64).collect())
    }

    fn reference(&self, input: &Vec<f64>) -> Answer {
        Answer::Number((input[0] + input[999]) * 500.0)
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Vec<f64>) -> Result<Answer, Error> {
        Ok(Answer::Number(engine.run(
            &input[..],
            &Pipeline::new(),
            sum(),
        )?))
    }

    fn eager(&self, input: &mut Vec<f64>) -> Result<Answer, Error> {
        Ok(Answer::Number(input.iter().sum()))
    }

    fn idiomatic(&self, input: &mut Vec<f64>) -> Result<Answer, Error> {
        M::commit(input.iter().sum()).map(Answer::Number)
    }
}

macro_rules! misdeed {
    ($name:ident, $text:literal, |$total:ident| $body:expr) => {
        #[derive(Default)]
        struct $name;
        impl Misdeed for $name {
            const NAME: &'static str = concat!("fixture/", $text);
            fn commit($total: f64) -> Result<f64, Error> {
                $body
            }
        }
    };
}

misdeed!(Panics, "panics", |total| if total.is_nan() {
    Ok(total)
} else {
    panic!("as asked")
});
misdeed!(Errs, "errs", |_total| Err("as asked".into()));
misdeed!(Dies, "dies", |_total| {
    // SAFETY: kills this process, which is a probe, and touches no memory.
    #[cfg(unix)]
    unsafe {
        libc::kill(libc::getpid(), libc::SIGKILL)
    };
    std::process::abort()
});
misdeed!(Hangs, "hangs", |total| {
    std::thread::sleep(Duration::from_secs(3600));
    Ok(total)
});
misdeed!(Lies, "lies", |total| Ok(total + 1.0));
misdeed!(Hoards, "hoards", |total| {
    let mut hoard = Vec::new();
    loop {
        // Filled, so that the memory is really taken.
        hoard.push(vec![1u8; 1 << 20]);
        if hoard.len() > 1 << 20 {
            return Ok(total);
        }
    }
});
misdeed!(Babbles, "babbles", |total| {
    println!("good morning");
    Ok(total)
});
misdeed!(Floods, "floods", |total| {
    let chunk = "x".repeat(1 << 16);
    (0..1 << 10).for_each(|_| print!("{chunk}"));
    Ok(total)
});
misdeed!(Spins, "spins", |total| Ok(known_leaf(total)));

/// Where a profile of `fixture/spins` must find nearly all the time.
#[inline(never)]
fn known_leaf(total: f64) -> f64 {
    (0..1_000_000).fold(total, |x, _| std::hint::black_box(x))
}
