//! Distances on the globe.

use control_plane_api::node::Location;

/// Mean radius of the Earth (IUGG R1).
pub const EARTH_RADIUS_KM: f64 = 6371.009;

/// Great-circle distance by the haversine formula, 0 to about 20,015 km. `None` if either place is not on the globe.
#[must_use]
pub fn distance_km(a: &Location, b: &Location) -> Option<f64> {
    if !a.is_valid() || !b.is_valid() {
        return None;
    }
    let (lat_a, lat_b) = (a.latitude.to_radians(), b.latitude.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord = half(b.latitude - a.latitude) + lat_a.cos() * lat_b.cos() * half(b.longitude - a.longitude);
    // Rounding may carry the chord of opposite places past 1.
    Some(2.0 * EARTH_RADIUS_KM * chord.clamp(0.0, 1.0).sqrt().asin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: f64, longitude: f64) -> Location {
        Location { latitude, longitude }
    }

    #[test]
    fn known_distances_come_out() {
        let seoul = place(37.5665, 126.9780);
        let near =
            |b: Location, km: f64| (distance_km(&seoul, &b).expect("on the globe") - km).abs() < km * 0.01;
        assert!(near(place(37.7519, 128.8761), 168.5), "Gangneung");
        assert!(near(place(33.4996, 126.5312), 454.1), "Jeju");
        assert!(near(place(-37.5665, -53.0220), 20_015.1), "the antipodes");
        assert!(distance_km(&seoul, &seoul).expect("on the globe") < 1e-9);
        let (west, east) = (place(0.0, -179.5), place(0.0, 179.5));
        assert!(distance_km(&west, &east).expect("on the globe") < 112.0, "across the date line");
        assert_eq!(distance_km(&seoul, &place(f64::NAN, 0.0)), None);
        assert_eq!(distance_km(&seoul, &place(0.0, 181.0)), None);
    }
}
