//! Arithmetic on `f64`: one result for each number, one sum over all, and neighbours averaged. Stages
//! are cheap, so that what separates contenders is memory traffic and vector units.

use engines::{Engine, Owned, Pipeline, Stage, Windows, fill, sum};

use crate::{Answer, Error, Need, Needs, Setting, Size, Workload, generate};

const SCALE: f64 = 0.375;
const OFFSET: f64 = -4.5;
const COEFFICIENTS: [f64; 5] = [0.5, -1.25, 0.75, 0.125, 0.0625];
const WEIGHTS: [f64; 3] = [0.25, 0.5, 0.25];

/// Numbers to compute with.
#[derive(Clone, Debug)]
pub struct Numbers {
    values: Vec<f64>,
    /// For one result each: written to when the input is made, so that its pages are there, and handed
    /// from run to run.
    out: Vec<f64>,
}

impl Numbers {
    /// Input of given numbers, infinities and NaN included.
    pub fn new(values: Vec<f64>) -> Self {
        Numbers {
            values,
            out: Vec::new(),
        }
    }

    fn generate(name: &str, setting: &Setting, seed: u64) -> Self {
        let n = setting.items(items(setting.size) as u64) as usize;
        Numbers::new(generate::values(n, name, seed))
    }

    fn with_buffer(mut self) -> Self {
        // Not zeros: those would be pages that the kernel has yet to provide.
        self.out = vec![f64::NAN; self.values.len()];
        self
    }

    /// The buffer, of the length asked for; what is in it is to be overwritten.
    fn take_buffer(&mut self, length: usize) -> Vec<f64> {
        let mut out = std::mem::take(&mut self.out);
        out.resize(length, f64::NAN);
        out
    }

    fn put_buffer_back(&mut self, answer: Answer) {
        if let Answer::Values(out) = answer
            && out.capacity() >= self.out.capacity()
        {
            self.out = out;
        }
    }
}

fn items(size: Size) -> usize {
    match size {
        Size::Tiny => 10_000,
        Size::Quick => 1 << 18,
        Size::Default => 1 << 20,
        Size::Large => 32 << 20,
    }
}

fn bytes(size: Size) -> u64 {
    (items(size) * size_of::<f64>()) as u64
}

/// The arithmetic that the stages leave over: a root for each number, and five multiplications with an
/// addition. Doubling can be had with the scale.
fn arithmetic(size: Size) -> [(Need, u64); 2] {
    let items = items(size) as u64;
    [(Need::SquareRoots, items), (Need::MultiplyAdds, 5 * items)]
}

/// What it takes to make one number of each.
fn copied(size: Size) -> Needs {
    Needs {
        working_set: 2 * bytes(size),
        amounts: vec![(Need::Copied, bytes(size))],
    }
}

#[inline(always)]
fn double(x: f64) -> f64 {
    x * 2.0
}

#[inline(always)]
fn root(x: f64) -> f64 {
    x.abs().sqrt()
}

#[inline(always)]
fn scale(x: f64) -> f64 {
    x * SCALE + OFFSET
}

#[inline(always)]
fn polynomial(x: f64) -> f64 {
    let [a, b, c, d, e] = COEFFICIENTS;
    (((e * x + d) * x + c) * x + b) * x + a
}

fn stages() -> Pipeline<Owned<f64>, impl Stage<Owned<f64>, Out = Owned<f64>> + Sync> {
    Pipeline::new()
        .map(double)
        .map(root)
        .map(scale)
        .map(polynomial)
}

/// The result for one number, written out once more so that a slip in a stage is noticed. Every
/// operation rounds as the stage's does.
fn expected(x: f64) -> f64 {
    let x = f64::sqrt(f64::abs(2.0 * x)) * SCALE + OFFSET;
    let mut sum = COEFFICIENTS[4];
    for i in (0..4).rev() {
        sum = sum * x + COEFFICIENTS[i];
    }
    sum
}

/// Each stage into a new vector.
fn stage_by_stage(values: &[f64]) -> Vec<f64> {
    let doubled: Vec<f64> = values.iter().copied().map(double).collect();
    let roots: Vec<f64> = doubled.iter().copied().map(root).collect();
    let scaled: Vec<f64> = roots.iter().copied().map(scale).collect();
    scaled.iter().copied().map(polynomial).collect()
}

/// One result for each number, in a buffer that is reused.
#[derive(Debug, Default)]
pub struct Map;

impl Workload for Map {
    const NAME: &'static str = "numeric/map";
    const ABOUT: &'static str = "Doubles each number, takes the root of its absolute value, scales, shifts and \
         evaluates a polynomial of degree four, into a buffer that is reused";

    type Input = Numbers;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        bytes(size)
    }

    fn needs(&self, size: Size) -> Needs {
        let mut needs = copied(size);
        needs.amounts.extend(arithmetic(size));
        needs
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Numbers, Error> {
        Ok(Numbers::generate(Self::NAME, setting, seed).with_buffer())
    }

    fn reference(&self, input: &Numbers) -> Answer {
        Answer::Values(input.values.iter().map(|x| expected(*x)).collect())
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Numbers) -> Result<Answer, Error> {
        let mut out = input.take_buffer(input.values.len());
        engine.run(&input.values[..], &stages(), fill(&mut out))?;
        Ok(Answer::Values(out))
    }

    fn eager(&self, input: &mut Numbers) -> Result<Answer, Error> {
        Ok(Answer::Values(stage_by_stage(&input.values)))
    }

    fn idiomatic(&self, input: &mut Numbers) -> Result<Answer, Error> {
        let mut out = std::mem::take(&mut input.out);
        out.clear();
        out.extend(
            input
                .values
                .iter()
                .map(|x| polynomial(scale(root(double(*x))))),
        );
        Ok(Answer::Values(out))
    }

    fn reuse(&self, answer: Answer, next: &mut Numbers) {
        next.put_buffer_back(answer);
    }
}

/// The stages of [`Map`], and the sum of their results.
#[derive(Debug, Default)]
pub struct Sum;

impl Workload for Sum {
    const NAME: &'static str = "numeric/sum";
    const ABOUT: &'static str = "Sums the results of the stages of numeric/map";

    type Input = Numbers;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        bytes(size)
    }

    fn needs(&self, size: Size) -> Needs {
        let mut amounts = vec![(Need::Read, bytes(size))];
        amounts.extend(arithmetic(size));
        Needs {
            working_set: bytes(size),
            amounts,
        }
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Numbers, Error> {
        Ok(Numbers::generate(Self::NAME, setting, seed))
    }

    fn reference(&self, input: &Numbers) -> Answer {
        // Compensated summation (Neumaier): the error does not grow with the number of items. An
        // infinity or NaN makes the compensation NaN, and the plain sum says what is right.
        let (mut sum, mut lost, mut plain) = (0.0f64, 0.0, 0.0);
        for x in input.values.iter().map(|x| expected(*x)) {
            let next = sum + x;
            lost += if sum.abs() >= x.abs() {
                (sum - next) + x
            } else {
                (x - next) + sum
            };
            sum = next;
            plain += x;
        }
        let exact = sum + lost;
        Answer::Number(if exact.is_finite() { exact } else { plain })
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Numbers) -> Result<Answer, Error> {
        let total = engine.run(&input.values[..], &stages(), sum())?;
        Ok(Answer::Number(total))
    }

    fn eager(&self, input: &mut Numbers) -> Result<Answer, Error> {
        Ok(Answer::Number(stage_by_stage(&input.values).iter().sum()))
    }

    fn idiomatic(&self, input: &mut Numbers) -> Result<Answer, Error> {
        let results = input
            .values
            .iter()
            .map(|x| polynomial(scale(root(double(*x)))));
        Ok(Answer::Number(results.sum()))
    }
}

#[inline(always)]
fn average([a, b, c]: [f64; 3]) -> f64 {
    WEIGHTS[0] * a + WEIGHTS[1] * b + WEIGHTS[2] * c
}

/// A weighted average of every three neighbours, in a buffer that is reused.
#[derive(Debug, Default)]
pub struct Window;

impl Workload for Window {
    const NAME: &'static str = "numeric/window";
    const ABOUT: &'static str =
        "Averages every three neighbouring numbers by weight, into a buffer that is reused";

    type Input = Numbers;

    fn items(&self, size: Size) -> u64 {
        items(size) as u64
    }

    fn bytes(&self, size: Size) -> u64 {
        bytes(size)
    }

    fn needs(&self, size: Size) -> Needs {
        let mut needs = copied(size);
        // The weights at both ends are the same.
        needs
            .amounts
            .push((Need::MultiplyAdds, 2 * items(size) as u64));
        needs
    }

    fn prepare(&self, setting: &Setting, seed: u64) -> Result<Numbers, Error> {
        Ok(Numbers::generate(Self::NAME, setting, seed).with_buffer())
    }

    fn reference(&self, input: &Numbers) -> Answer {
        let values = &input.values;
        let mut averages = Vec::new();
        for i in 2..values.len() {
            let mut average = values[i - 2] * WEIGHTS[0];
            average += values[i - 1] * WEIGHTS[1];
            average += values[i] * WEIGHTS[2];
            averages.push(average);
        }
        Answer::Values(averages)
    }

    fn run<E: Engine>(&self, engine: &E, input: &mut Numbers) -> Result<Answer, Error> {
        let mut out = input.take_buffer(input.values.len().saturating_sub(2));
        let pipeline = Pipeline::new().map(average);
        engine.run(
            Windows::<_, 3>::over(&input.values),
            &pipeline,
            fill(&mut out),
        )?;
        Ok(Answer::Values(out))
    }

    fn eager(&self, input: &mut Numbers) -> Result<Answer, Error> {
        let windows = input.values.windows(3).map(|w| [w[0], w[1], w[2]]);
        let windows: Vec<[f64; 3]> = windows.collect();
        Ok(Answer::Values(
            windows.iter().map(|w| average(*w)).collect(),
        ))
    }

    fn idiomatic(&self, input: &mut Numbers) -> Result<Answer, Error> {
        let mut out = std::mem::take(&mut input.out);
        out.clear();
        out.extend(input.values.windows(3).map(|w| average([w[0], w[1], w[2]])));
        Ok(Answer::Values(out))
    }

    fn reuse(&self, answer: Answer, next: &mut Numbers) {
        next.put_buffer_back(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;

    #[test]
    fn special_values_and_short_inputs() {
        let special = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            f64::MIN_POSITIVE / 4.0,
            f64::MAX,
            -1.5,
        ];
        // Every pair of neighbours, so that infinities of both signs meet in windows.
        let pairs = special.iter().flat_map(|a| special.map(|b| [*a, b]));
        let pairs: Vec<f64> = pairs.flatten().collect();
        let ordinary = generate::values(100_000, "test", 1);
        for values in [
            &[][..],
            &special[..1],
            &special[3..5],
            &special[5..8],
            &pairs,
            &ordinary,
        ] {
            let mut input = || Numbers::new(values.to_vec());
            oracle::check(&Map, &mut input);
            oracle::check(&Sum, &mut input);
            oracle::check(&Window, &mut input);
            oracle::check(&Map, || input().with_buffer());
            oracle::check(&Window, || input().with_buffer());
        }
    }

    #[test]
    fn the_sum_of_the_reference_is_exact_to_the_last_place() {
        // Roots of squares, so that every result is a whole number of 2^-16.
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i * i) * 0.5).collect();
        let results = values.iter().map(|x| expected(*x) * 65536.0);
        let exact: i128 = results.map(|result| result as i128).sum();
        let Answer::Number(sum) = Sum.reference(&Numbers::new(values)) else {
            panic!("a sum is a number");
        };
        assert_eq!(sum, exact as f64 / 65536.0);
    }

    #[test]
    fn a_buffer_goes_from_run_to_run() {
        let setting = Setting {
            size: Size::Tiny,
            items: None,
            folder: std::env::temp_dir(),
            service: None,
        };
        let mut first = Map.prepare(&setting, 1).unwrap();
        let place = first.out.as_ptr();
        let answer = Map.idiomatic(&mut first).unwrap();
        let mut second = Numbers::generate(Map::NAME, &setting, 2);
        Map.reuse(answer, &mut second);
        assert_eq!(second.out.as_ptr(), place);
    }
}
