//! How something grows: one dot for each level on two logarithmic axes, and the line of proportion through
//! the first, so that the eye sees what linear would be.

use plotters::prelude::*;

use super::axis::Axis;
use super::backend::{FG, GRID, OK, SCALE, Svg, UNK};
use super::ticks;
use crate::units;

/// The points of (level, value) with `unit`; `None` unless there are two of them, all above zero.
pub(crate) fn chart(id: &str, points: &[(f64, f64)], unit: &str, title: &str) -> Option<String> {
    if points.len() < 2 || points.iter().any(|(x, y)| !(*x > 0.0 && *y > 0.0)) {
        return None;
    }
    let (first, last) = (points[0], points[points.len() - 1]);
    let linear = [first, (last.0, first.1 * last.0 / first.0)];
    let mut svg = Svg::new(600, 240);
    draw(&mut svg, points, linear, unit).ok()?;
    let said: Vec<String> = points
        .iter()
        .map(|(x, y)| {
            format!(
                "{} at {}",
                units::value(*y, unit),
                units::value(*x, "count")
            )
        })
        .collect();
    Some(svg.finish(id, title, &format!("{}.", said.join(", "))))
}

type Drawing<T> = Result<T, DrawingAreaErrorKind<std::convert::Infallible>>;

fn draw(svg: &mut Svg, points: &[(f64, f64)], linear: [(f64, f64); 2], unit: &str) -> Drawing<()> {
    let all = || points.iter().chain(&linear);
    let ends = |of: fn(&(f64, f64)) -> f64, room: f64| {
        let low = all().map(of).fold(f64::INFINITY, f64::min) / room;
        let high = all().map(of).fold(0.0, f64::max) * room;
        (low, high)
    };
    let (left, right) = ends(|p| p.0, 1.2);
    let (low, high) = ends(|p| p.1, 1.2);
    let area = svg.into_drawing_area();
    let label = ("sans-serif", 13 * SCALE).into_font().color(&FG);
    let keys: Vec<f64> = ticks::values(low, high).into_iter().map(f64::ln).collect();
    let levels: Vec<f64> = points.iter().map(|p| p.0.ln()).collect();
    let mut chart = ChartBuilder::on(&area)
        .margin_right(30 * SCALE)
        .margin_top(10 * SCALE)
        .x_label_area_size(32 * SCALE)
        .y_label_area_size(76 * SCALE)
        .build_cartesian_2d(
            Axis::new(left.ln()..right.ln(), levels),
            Axis::new(low.ln()..high.ln(), keys),
        )?;
    chart
        .configure_mesh()
        .set_all_tick_mark_size(6 * SCALE)
        .disable_x_mesh()
        .axis_style(GRID.stroke_width(SCALE as u32))
        .bold_line_style(GRID.stroke_width(SCALE as u32))
        .light_line_style(TRANSPARENT)
        .x_label_style(label.clone())
        .y_label_style(label)
        .x_label_formatter(&|x: &f64| units::value(x.exp().round(), "count"))
        .y_label_formatter(&|y: &f64| units::value(y.exp(), unit))
        .draw()?;
    let logs = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().map(|p| (p.0.ln(), p.1.ln())).collect()
    };
    chart.draw_series(LineSeries::new(
        logs(&linear),
        UNK.stroke_width(SCALE as u32),
    ))?;
    chart.draw_series(LineSeries::new(
        logs(points),
        OK.stroke_width(2 * SCALE as u32),
    ))?;
    let dot = |at| Circle::new(at, 4 * SCALE, OK.filled());
    chart.draw_series(logs(points).into_iter().map(dot))?;
    Ok(())
}
