//! Smooths a signal and measures its energy. The closures know nothing of vectors: the engine runs
//! them on blocks that fit the caches, compiled for the instruction set that it finds.

use engines::{CacheAware, Caches, Engine, Error, Pipeline, Windows, fill, sum};

fn main() -> Result<(), Error> {
    let signal: Vec<f64> = (0..1_000_000)
        .map(|i| (f64::from(i) * 0.01).sin())
        .collect();
    let engine = CacheAware::default();

    let mean = Pipeline::new().map(|[a, b, c, d]: [f64; 4]| (a + b + c + d) * 0.25);
    let mut smooth = vec![0.0; signal.len() - 3];
    engine.run(Windows::over(&signal), &mean, fill(&mut smooth))?;

    let power = Pipeline::new().map(|x: f64| x * x);
    let energy = engine.run(&smooth[..], &power, sum())?;

    let caches = Caches::detect();
    println!("blocks for a cache of {} KiB", caches.l1 >> 10);
    println!("energy of the smoothed signal: {energy:.6}");
    // The square of a sine is a half in the mean, and smoothing takes next to nothing of a slow one.
    assert!((energy / smooth.len() as f64 - 0.5).abs() < 1e-3);
    Ok(())
}
