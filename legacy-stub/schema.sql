-- The legacy application's tables. Run with sql_mode='' (zero dates). Every statement may be repeated.

CREATE TABLE IF NOT EXISTS customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(100) CHARACTER SET latin1 NOT NULL,
  email VARCHAR(100) NULL,
  city VARCHAR(60) NULL,
  created_at DATETIME NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS shipments (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NULL,
  sender VARCHAR(100) NOT NULL,
  receiver VARCHAR(100) NOT NULL,
  receiver_phone VARCHAR(40) NULL,
  shipment_status ENUM('created','in_transit','delayed','delivered','cancelled') NOT NULL DEFAULT 'created',
  price DECIMAL(10,2) NOT NULL DEFAULT 0.00,
  estimated_arrival DATE NOT NULL DEFAULT '0000-00-00',
  document VARCHAR(255) NULL,
  created_at DATETIME NOT NULL,
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  KEY customer_id (customer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS packing_list_items (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipment_id INT UNSIGNED NOT NULL,
  description VARCHAR(200) NOT NULL,
  quantity INT NOT NULL DEFAULT 1,
  KEY shipment_id (shipment_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS shipment_notes (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  shipment_id INT UNSIGNED NOT NULL,
  author VARCHAR(60) NULL,
  body TEXT NULL,
  created_at DATETIME NOT NULL,
  KEY shipment_id (shipment_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS users (
  name VARCHAR(60) NOT NULL PRIMARY KEY,
  password_hash VARCHAR(255) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS sessions (
  id CHAR(40) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  user VARCHAR(60) NULL,
  data TEXT NULL,
  updated_at DATETIME NOT NULL,
  KEY updated_at (updated_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

CREATE TABLE IF NOT EXISTS page_views (
  path VARCHAR(190) NOT NULL PRIMARY KEY,
  views INT NOT NULL DEFAULT 0
) ENGINE=MyISAM DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
